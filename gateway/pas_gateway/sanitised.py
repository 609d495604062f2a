"""Texts that PAS wrote in the place of an item: made parts of the report's own kind, and signed by PAS with a link to that item."""

from __future__ import annotations

from dataclasses import replace

from pas_gateway.approval import Approved, Written
from pas_gateway.office import PasOffice
from pas_gateway.project import PasWritten, Source
from pas_schemas.codec import encode
from pas_schemas.parts import ItemPart
from pas_schemas.sealing import SANITISED, item_digest, sanitised_content, sign, subject_digest
from pas_schemas.sealing.manifest import SALT_BYTES


def add_approved(source: Source, approved: Approved, office: PasOffice) -> Source:
    """The report to project from as people have left it: regrades beside the originator's grades, PAS's own texts after its items."""
    if not approved.written and not approved.regrades:
        return source
    parts = [_part(source, approved, text, office) for text in approved.written]
    signing = office.keyring.signing()
    by_pas: dict[int, PasWritten] = {}
    for text, part in zip(approved.written, parts, strict=True):
        fuller = source.parts.items[text.fuller].digest
        signature = sign(signing, SANITISED, sanitised_content(source.manifest, part.digest, fuller))
        by_pas[text.item] = PasWritten(fuller, signature, signing.id)
    whole = replace(source.parts, items=(*source.parts.items, *parts))
    return replace(source, report=approved.report, parts=whole, by_pas=by_pas, regrades={one.item: one.grade for one in approved.regrades})


def _part(source: Source, approved: Approved, text: Written, office: PasOffice) -> ItemPart:
    shared = encode("item_shared", {"text": text.text, "grade": text.grade})
    # The same each time it is sealed: an office that has it twice has the same bytes twice.
    salt = office.register_id_key.digest(b"pas/v1/sanitised-salt", text.statement)[:SALT_BYTES]
    concerned = approved.report.subjects_of(approved.report.items[text.item])
    digest = item_digest(salt, shared, [subject_digest(source.parts.subjects[subject]) for subject in concerned])
    return ItemPart(text.grade, shared, salt, digest, concerned, {})
