"""How the register keeps what may not stand in clear: report bodies, each under a key of its own, wrapped by one outside the database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from pas_gateway.project import Source
from pas_gateway.register.dockets import Stored
from pas_gateway.stages import Body, flatten, unflatten
from pas_schemas.models.report import Report
from pas_schemas.parts import OpenedReport, unpack_report
from pas_schemas.sealing import BadCiphertextError, StoreKey


def lock_body(body: Body, report_id: bytes, key: StoreKey) -> tuple[bytes, bytes]:
    """The sealed body and its wrapped data key."""
    own = StoreKey.generate()
    return own.seal(flatten(body), report_id), key.seal(own.to_bytes(), report_id)


def unlock_body(sealed: bytes, data_key: bytes, report_id: bytes, key: StoreKey) -> Body:
    """Raises BadCiphertextError where the row was tampered with."""
    own = StoreKey.from_bytes(key.open(data_key, report_id))
    return unflatten(own.open(sealed, report_id))


def unwraps(data_key: bytes, report_id: bytes, key: StoreKey) -> bool:
    """Whether a report's data key was wrapped by this key."""
    try:
        key.open(data_key, report_id)
    except BadCiphertextError:
        return False
    return True


def read_body(body: Body) -> tuple[Report, OpenedReport, Source]:
    """The report of a body that was verified when it came in."""
    parts = unpack_report(body.payload, body.manifest)
    report = Report.model_validate(parts.raw)
    return report, parts, Source(report, parts, body.manifest, body.evidence)


def lock_statement(data: bytes, statement_id: bytes, key: StoreKey) -> bytes:
    """A signed statement as the register keeps it: it holds reasons and texts."""
    return key.seal(data, b"pas/v1/statement" + statement_id)


def open_statement(sealed: bytes, statement_id: bytes, key: StoreKey) -> bytes:
    """What `lock_statement` sealed; raises BadCiphertextError where the row was tampered with."""
    return key.open(sealed, b"pas/v1/statement" + statement_id)


def open_statements(stored: Iterable[Stored], key: StoreKey) -> list[bytes]:
    """The statements of these rows; one that was tampered with counts for nothing and is left out."""
    found = []
    for one in stored:
        with suppress(BadCiphertextError):
            found.append(open_statement(one.sealed, one.id, key))
    return found
