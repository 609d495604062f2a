"""Padding that hides lengths: Padmé, at least 1 KiB, with the true length inside.

Padmé (Nikitin and others, *Reducing Metadata Leakage from Encrypted Files and Communication with PURBs*, 2019) rounds a
length of n up so that only log2(log2 n) of its bits tell anything; it costs at most 12 per cent.
"""

from __future__ import annotations

from pas_schemas.sealing.failures import BadPaddingError

LEAST_BYTES = 1024
_LENGTH_BYTES = 4


def padded_length(length: int) -> int:
    """What `length` bytes of content take once they are padded."""
    total = max(length + _LENGTH_BYTES, LEAST_BYTES)
    exponent = total.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-total // step) * step


def pad(content: bytes) -> bytes:
    """The content after its length, filled up with zeros."""
    return (len(content).to_bytes(_LENGTH_BYTES, "big") + content).ljust(padded_length(len(content)), b"\0")


def unpad(padded: bytes) -> bytes:
    """The content again; raises BadPaddingError unless these are the very bytes that `pad` makes of it."""
    end = _LENGTH_BYTES + int.from_bytes(padded[:_LENGTH_BYTES], "big")
    if end > len(padded) or len(padded) != padded_length(end - _LENGTH_BYTES) or padded.count(0, end) != len(padded) - end:
        raise BadPaddingError
    return padded[_LENGTH_BYTES:end]
