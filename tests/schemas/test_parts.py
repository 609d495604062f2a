"""A report in parts: what is packed comes back as it was, and parts that do not belong together are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pas_schemas.codec import decode, encode
from pas_schemas.errors import CodecError
from pas_schemas.models.report import Report
from pas_schemas.naming import content_digest, report_id
from pas_schemas.parts import PartsError, canonical, closing_name, pack_report, read_subject, unpack_report
from pas_schemas.rulebook import shipped_rulebook
from pas_schemas.sealing import IdKey
from pas_schemas.sealing.manifest import build_manifest, item_digest, subject_digest

Json = dict[str, Any]
PATTERNS = shipped_rulebook().patterns
DIGEST = bytes(range(32))


def write(*codes: str, **changes: object) -> Report:
    """A report with an item of each code."""
    item = {"source": "B", "intelligence": "2", "source_reference": "ISR-1", "corroboration": "Two accounts"}
    people = [
        {"role": "SUBJECT", "standing": "CONVICTED", "noms_number": "A1234BC", "pnc_id": None, "family_name": "Ash", "date_of_birth": None},
        {"role": "ASSOCIATE", "standing": "OTHER", "noms_number": None, "pnc_id": "2000/0000223R", "date_of_birth": "1988-02-03"},
    ]
    raw: Json = {
        "urn": "01/IR/2012/004711", "originator": "force:01", "created_at": "2012-11-13T09:30:00Z", "protective_marking": "RESTRICTED",
        "priority": "URGENT", "purpose": "PREVENTION_OF_CRIME", "legal_basis": "POLICING_PURPOSE", "operation": "ASH", "subjects": people,
        "items": [{**item, "text": f"Text {n}, café.", "handling": code} for n, code in enumerate(codes)],
        "handling": {
            "conditions": "Ask.", "reasons": "Live.", "internal_recipients": ["fib:01", "force:01", "fib:01"], "review_by": "2015-12-01",
            "risk_assessment": {"summary": "S", "authorised_by": "X", "authorised_at": "2012-11-13T09:00:00.250Z"},
        },
        "declarations": {
            "visor_derived": True, "visor_permission": "VP-1", "privileged": False, "warranted_intercept": False,
            "prison_intercept": {"authorisation": "PIN-7", "expires_at": "2099-01-01"}, "concerns_staff": ["WSI"],
            "protected_assisting_offender": False, "terrorism": True, "do_not_share_with_offender": True,
        },
        "risk_tags": ["ESCAPE"], "addressees": ["pio", "lea:91"], "mopi": {"group": 2, "review_by": "2016-11-13"}, "gist": "A gist.",
        "supersedes": {"urn": "01/1", "action": "CORRECT"},
    }  # fmt: skip
    return Report.model_validate({**raw, **changes})


@given(st.text(), st.sampled_from(["2012-11-13T09:30:00.250Z", "0999-01-01T00:00:00Z", "2012-11-13T09:30:00.999999Z"]))
@settings(deadline=None)
@example('"\\/\b\f\n\r\t\x00\x1f\x7f\u2028café', "2012-11-13T09:30:00Z")
def test_one_spelling_is_json_with_its_fields_by_name(text: str, at: str) -> None:
    """Digests of it lie in journals and at PAS: a report must never be spelt in another way."""
    people = [{"role": "SUBJECT", "standing": "OTHER", "noms_number": text, "pnc_id": None, "family_name": text, "date_of_birth": None}]
    report = write("1", "4", gist=text, subjects=people, created_at=at)
    spelt = json.dumps(report.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert canonical(report) == spelt.encode("utf-8")
    assert spelt.startswith('{"addressees":["pio","lea:91"],"created_at":"')


def pack(report: Report, close: Callable[[str, bytes], bytes | None] = lambda office, text: office.encode()) -> tuple[bytes, bytes]:
    return pack_report(report, content_digest=DIGEST, sealed_at_us=7, directory_version=3, close=close, patterns=PATTERNS)


# --- there and back ----------------------------------------------------------------------------------------------------


def test_what_is_packed_comes_back() -> None:
    report = write("1", "2", "3", "5")
    opened = unpack_report(*pack(report))
    assert Report.model_validate(opened.raw) == report
    assert (opened.content_digest, opened.sealed_at_us, opened.directory_version) == (DIGEST, 7, 3)
    assert [item.grade for item in opened.items] == ["B21", "B22", "B23", "B25"]
    assert [read_subject(part) for part in opened.subjects] == opened.raw["subjects"]
    assert opened.suspicions == ()


def test_as_little_as_a_report_may_say_comes_back_too() -> None:
    report = write("1", operation=None, subjects=[], addressees=None, gist=None, supersedes=None, risk_tags=[])
    assert Report.model_validate(unpack_report(*pack(report)).raw) == report


def test_code_4_is_closed_to_its_internal_recipients_and_to_nobody_else() -> None:
    closed: dict[str, bytes] = {}
    report = write("1", "4")
    payload, manifest = pack(report, lambda office, text: closed.setdefault(office, text) and b"closed")
    assert b"Text 1" not in payload
    assert b"Text 0" in payload
    assert sorted(closed) == ["fib:01", "force:01"]
    opened = unpack_report(payload, manifest)
    item = opened.items[1]
    assert (item.shared, item.salt, dict(item.closed)) == (b"", b"", {"fib:01": b"closed", "force:01": b"closed"})
    assert opened.raw["items"][1]["text"] is None
    # What is closed is the salt and the part, by which the recipient tells the item in the manifest.
    salt, shared = closed["fib:01"][:16], closed["fib:01"][16:]
    assert item_digest(salt, shared, [subject_digest(part) for part in opened.subjects]) == item.digest
    assert decode(shared, "item_shared").datum == {"text": "Text 1, café.", "grade": "B24"}


def test_a_recipient_without_a_key_is_left_out() -> None:
    opened = unpack_report(*pack(write("4"), lambda office, text: None if office == "fib:01" else b"closed"))
    assert set(opened.items[0].closed) == {"force:01"}


def test_patterns_that_fire_in_a_closed_text_are_named() -> None:
    report = write("4", "4", "1")
    items = [item.model_copy(update={"text": "A CHIS told us of a section 8(1) warrant."}) for item in report.items]
    opened = unpack_report(*pack(report.model_copy(update={"items": (report.items[0], items[1], items[2])})))
    assert {(item, gate) for item, gate, _ in opened.suspicions} == {(1, "G-SOURCE"), (1, "G-WARRANT")}


def test_the_same_report_never_packs_the_same() -> None:
    """Salts are drawn anew, so that no digest can be guessed; what identifies the content is another digest, under a key."""
    report, key = write("1"), IdKey.from_bytes(bytes(32))
    assert pack(report)[0] != pack(report)[0]
    assert content_digest(key, report) == content_digest(key, report.model_copy())
    assert content_digest(key, report) != content_digest(IdKey.from_bytes(b"\1" * 32), report)
    assert content_digest(key, report) != content_digest(key, write("2"))
    assert len(report_id(key, report.urn)) == 16
    assert len(closing_name(report.urn)) == 16
    assert closing_name(report.urn) != closing_name("01/IR/2012/004712")


def test_one_spelling_of_a_report() -> None:
    first, second = write("1"), write("1", gist="Another.")
    assert canonical(first) == canonical(Report.model_validate(first.model_dump(mode="json")))
    assert canonical(first) != canonical(second)
    assert "café" in canonical(first).decode("utf-8")


# --- parts that do not belong together ---------------------------------------------------------------------------------


def forge(spoil: Callable[[Json], None], codes: str = "14") -> tuple[bytes, bytes]:
    """A report whose sender changed something after the manifest was made, and signed it all the same."""
    payload, manifest = pack(write(*codes))
    datum = decode(payload, "report").datum
    spoil(datum)
    return encode("report", datum), manifest


def swap_subjects(datum: Json) -> None:
    datum["subjects"] = [encode("subject_part", {**decode(part).datum, "salt": bytes(16)}) for part in datum["subjects"]]


FORGED: dict[str, tuple[Callable[[Json], Any], str]] = {
    "another text": (lambda d: d["items"][0].update(shared=encode("item_shared", {"text": "Other.", "grade": "B21"})), "not what"),
    "another salt": (lambda d: d["items"][0].update(salt=bytes(16)), "not what"),
    "another digest": (lambda d: d["items"][0].update(digest=bytes(32)), "not in the report's manifest"),
    "another digest of a closed text": (lambda d: d["items"][1].update(digest=bytes(32)), "not in the report's manifest"),
    "other subjects": (swap_subjects, "not what"),
    "fewer subjects": (lambda d: d["items"][0].update(subjects=[0]), "not what"),
    "a subject taken away": (lambda d: d["subjects"].pop(), "not what"),
    "a subject that is not there": (lambda d: d["items"][0].update(subjects=[2]), "a subject the report does not have"),
    "a subject before the first": (lambda d: d["items"][0].update(subjects=[-1]), "a subject the report does not have"),
    "an open code 4": (lambda d: d["items"][1].update(shared=d["items"][0]["shared"], salt=d["items"][0]["salt"]), "is open"),
    "a closed code 1": (lambda d: d["items"][0].update(shared=b"", salt=b""), "another is closed"),
    "a milder code beside it": (lambda d: d["items"][0].update(grade="B22"), "differs from the one beside it"),
    "a content digest of no length": (lambda d: d.update(content_digest=b""), "digest is none"),
    "a content digest of any length": (lambda d: d.update(content_digest=bytes(100)), "digest is none"),
    "a gate that reads no text": (lambda d: d["items"][1].update(suspicions=[{"gate": "G-SAUCE", "pattern": 1}]), "reads no text"),
    "a code that opens": (lambda d: d["items"][1].update(grade="B21"), "another is closed"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_parts_that_do_not_belong_together_are_refused(name: str) -> None:
    spoil, said = FORGED[name]
    with pytest.raises(PartsError, match=said) as refused:
        unpack_report(*forge(spoil))
    assert "Other." not in str(refused.value)


@pytest.mark.parametrize("grade", ["B21 and more", "B24X", "B2", ""])
def test_a_grade_of_another_length_is_no_grade(grade: str) -> None:
    """What stands behind the third character would go out to whoever is given the item, and no rule has read it."""

    def spoil(datum: Json) -> None:
        item = datum["items"][0]
        shared = encode("item_shared", decode(item["shared"]).datum | {"grade": grade})
        subjects = [subject_digest(part) for part in datum["subjects"]]
        item.update(grade=grade, shared=shared, digest=item_digest(item["salt"], shared, subjects))

    payload, _ = forge(spoil)
    digests = [item["digest"] for item in decode(payload).datum["items"]]
    opened = unpack_report(payload, build_manifest(digests))
    assert Report.model_validate(opened.raw).items[0].handling == ""


BROKEN: dict[str, Callable[[Json], Any]] = {
    "a part that is no record": lambda d: d["items"][0].update(withheld=b"nothing"),
    "a subject that is no record": lambda d: d["subjects"].__setitem__(0, b"nothing"),
    "an item part of another schema": lambda d: d["items"][0].update(withheld=d["items"][0]["shared"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_part_is_refused(name: str) -> None:
    with pytest.raises(CodecError):
        unpack_report(*forge(BROKEN[name]))


@pytest.mark.parametrize("manifest", [b"", bytes(1024), bytes(1023)])
def test_a_manifest_that_does_not_hold_the_items_is_refused(manifest: bytes) -> None:
    with pytest.raises(PartsError, match="manifest"):
        unpack_report(pack(write("1"))[0], manifest)
    with pytest.raises(PartsError, match="manifest"):
        unpack_report(pack(write("1"))[0], build_manifest([]))


def test_nothing_of_a_report_shows_in_its_parts() -> None:
    opened = unpack_report(*pack(write("1", "4")))
    shown = repr(opened) + "".join(map(repr, opened.items))
    assert not any(word in shown for word in ("Text", "Ash", "A1234BC", "ISR-1", "PIN-7", "Ask", "Live"))
