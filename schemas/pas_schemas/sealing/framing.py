"""One way to join byte strings so that no two lists of them give the same bytes."""

from __future__ import annotations


def frame(*parts: bytes) -> bytes:
    """Each part after its length in four bytes (big-endian): what is signed, bound and hashed."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4, "big"), part)])
