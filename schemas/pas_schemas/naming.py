"""The names an originator gives its records: ids and digests under its own key, which nobody else can compute."""

from __future__ import annotations

from pas_schemas.models.report import Report
from pas_schemas.parts import canonical
from pas_schemas.sealing import IdKey

RECORD_ID_BYTES = 16


def report_id(key: IdKey, urn: str) -> bytes:
    """Of a report: publishing the same URN twice can never make two reports."""
    return key.digest(b"pas/v1/report-id", urn.encode("utf-8"))[:RECORD_ID_BYTES]


def content_digest(key: IdKey, report: Report) -> bytes:
    """Of a report with its texts: PAS compares it and need not be able to compute it."""
    return key.digest(b"pas/v1/content", canonical(report))
