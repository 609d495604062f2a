"""Imported last by the server that workers are forked from: what a worker needs is there, once for all of them.

Frozen, its objects are nothing a worker's collector looks at, and stay in pages that all of them share.
"""

from __future__ import annotations

import gc

# The command's own module is among what every process that multiprocessing starts imports.
import pas_gateway.supervisor  # noqa: F401  # for those that are forked
import pas_transport.cli  # noqa: F401  # as that

gc.collect()
gc.freeze()
