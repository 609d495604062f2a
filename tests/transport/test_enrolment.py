"""Enrolment: only a request that proves its keys, under the fingerprint told another way, changes the directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pas_schemas.codec import encode
from pas_schemas.directory import Snapshot
from pas_schemas.errors import DirectoryError
from pas_schemas.sealing import DIRECTORY, REQUEST, SigningKey
from pas_transport.enrolment import (
    OVERLAP,
    Particulars,
    Request,
    compare_fingerprint,
    enrol,
    issue,
    read_request,
    retire,
    rotate,
    write_request,
)
from pas_transport.keyring import NewKeys
from pas_transport.statements import write_statement

T0 = datetime(2012, 11, 13, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
NOTHING = Particulars()
EMPTY = Snapshot(1, T0, T0 + 366 * DAY, ())


def request_of(office: str) -> Request:
    return read_request(write_request(office, NewKeys.generate(office), T0))


def enrolled(office: str, told: Particulars = NOTHING, snapshot: Snapshot = EMPTY, start: datetime = T0) -> Snapshot:
    return enrol(snapshot, request_of(office), told, start)


def test_a_request_says_whose_keys_it_holds() -> None:
    keys = NewKeys.generate("pas")
    request = read_request(write_request("pas", keys, T0))
    assert (request.office, request.made_at) == ("pas", T0)
    assert [use for use, _ in request.keys] == ["sign", "open", "compartment"]
    assert dict(request.keys)["sign"] == keys.signing.verify_key.to_bytes()


def test_fingerprints_differ_with_office_and_key_and_compare_as_people_write_them() -> None:
    keys = NewKeys.generate("lea:91")
    one, same, other = (read_request(write_request(office, keys, T0 + DAY)) for office in ("lea:91", "lea:91", "lea:93"))
    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != other.fingerprint
    assert request_of("lea:91").fingerprint != one.fingerprint
    for told in (one.fingerprint, one.fingerprint.upper(), one.fingerprint.replace(" ", ":"), one.fingerprint.replace(" ", "")):
        compare_fingerprint(one, told)
    for told in ("", one.fingerprint[:-1], one.fingerprint[:-1] + "g", other.fingerprint):
        with pytest.raises(DirectoryError, match="fingerprint is not that"):
            compare_fingerprint(one, told)


def forged(office: str, keys: list[dict[str, object]], signer: SigningKey, prefix: bytes = REQUEST) -> bytes:
    return write_statement(signer, prefix, encode("key_request", {"office": office, "made_at": 0, "keys": keys}))


def test_requests_that_prove_nothing_are_refused() -> None:
    keys = NewKeys.generate("lea:91")
    public: list[dict[str, object]] = [{"use": use, "public": data} for use, _, data in keys.public]
    good = forged("lea:91", public, keys.signing)
    assert read_request(good).office == "lea:91"
    bad = [
        (forged("lea:91", public, SigningKey.generate()), "not signed by the key"),
        (forged("lea:91", public, keys.signing, DIRECTORY), "not signed by the key"),
        (forged("lea:91", public[:1], keys.signing), "one key of each use"),
        (forged("lea:91", public * 2, keys.signing), "one key of each use"),
        (forged("pas", public, keys.signing), "one key of each use"),
        (forged("lea:91", [{"use": "sign", "public": b"short"}, public[1]], keys.signing), "not a public key"),
        (good[:-1], "no request for keys"),
        (b"", "no request for keys"),
        (good + bytes(20_000), "too large"),
    ]
    for data, why in bad:
        with pytest.raises(DirectoryError, match=why):
            read_request(data)


@pytest.mark.parametrize("office", ["foreign:FBI", "pas:2", "force", "root", "escort", "Force:01"])
def test_foreign_and_shapeless_offices_are_refused(office: str) -> None:
    keys = NewKeys.generate(office)
    with pytest.raises(DirectoryError, match="no office is foreign"):
        enrol(EMPTY, read_request(write_request(office, keys, T0)), NOTHING, T0)


@pytest.mark.parametrize(
    ("office", "told", "force", "prison", "contracted"),
    [
        ("force:01", NOTHING, "01", None, False),
        ("fib:40", Particulars(force="40"), "40", None, False),
        ("pio:WSI", Particulars(force="43"), "43", "WSI", False),
        ("security:WSI", NOTHING, "01", "WSI", False),
        ("governor:ACI", NOTHING, "05", "ACI", True),
        ("governor:ACI", Particulars(contracted=False, force="06"), "06", "ACI", False),
        ("governor:NEW", Particulars(contracted=True, force="06", prison="NEW"), "06", "NEW", True),
        ("escort:geo", NOTHING, None, None, False),
        ("inspector:hmip", NOTHING, None, None, False),
    ],
)
def test_an_office_is_what_its_id_the_registers_and_pas_say(
    office: str, told: Particulars, force: str | None, prison: str | None, contracted: bool
) -> None:
    standing = enrolled(office, told).at(T0).offices[office]
    assert (standing.force, standing.prison, standing.contracted, standing.active) == (force, prison, contracted, True)


@pytest.mark.parametrize(
    ("office", "told", "why"),
    [
        ("pio:WSI", NOTHING, "posted by a force"),
        ("force:01", Particulars(force="40"), "of force 01 and no other"),
        ("security:WSI", Particulars(prison="LII"), "not an office of that prison"),
        ("lea:91", Particulars(prison="LII"), "not an office of that prison"),
    ],
)
def test_particulars_that_cannot_be_are_refused(office: str, told: Particulars, why: str) -> None:
    with pytest.raises(DirectoryError, match=why):
        enrolled(office, told)


def test_new_keys_take_over_and_the_old_ones_stay_in_the_history() -> None:
    first = enrolled("lea:91")
    second = enrolled("lea:91", snapshot=first, start=T0 + DAY)
    office = second.by_id["lea:91"]
    assert office.terms == first.by_id["lea:91"].terms
    assert [key.end for key in office.keys] == [T0 + DAY + OVERLAP, T0 + DAY + OVERLAP, None, None]
    old, new = second.key("lea:91", "sign", T0), second.key("lea:91", "sign", T0 + DAY)
    assert old is not None
    assert new is not None
    assert old.public == first.keys("lea:91", "sign")[0].public != new.public


@pytest.mark.parametrize("office", ["cat-a-team", "pio:WSI", "probation:london", "lea:91"])
def test_a_contractor_runs_the_offices_of_a_prison_and_no_others(office: str) -> None:
    """Its class for handling would be another one than that of its kind (domain, *Who takes part*)."""
    with pytest.raises(DirectoryError, match="no contractor"):
        enrolled(office, Particulars(force="01", contracted=True))
    assert not enrolled(office, Particulars(force="01", contracted=False)).at(T0).offices[office].contracted


def test_old_keys_end_without_an_overlap_where_they_were_taken_or_the_terms_are_new() -> None:
    first = enrolled("pio:WSI", Particulars(force="01"))
    taken = enrol(first, request_of("pio:WSI"), NOTHING, T0 + DAY, timedelta(0))
    posted = enrolled("pio:WSI", Particulars(force="43"), first, T0 + DAY)
    for snapshot in (taken, posted):
        assert [key.end for key in snapshot.by_id["pio:WSI"].keys] == [T0 + DAY, T0 + DAY, None, None]


def test_a_pio_posted_by_another_force_has_a_second_term() -> None:
    first = enrolled("pio:WSI", Particulars(force="01"))
    second = enrolled("pio:WSI", Particulars(force="43"), first, T0 + DAY)
    assert [(term.start, term.end, term.force) for term in second.by_id["pio:WSI"].terms] == [(T0, T0 + DAY, "01"), (T0 + DAY, None, "43")]
    assert second.at(T0).offices["pio:WSI"].force == "01"
    assert second.at(T0 + DAY).offices["pio:WSI"].force == "43"
    with pytest.raises(DirectoryError, match="before the last one is over"):
        enrolled("pio:WSI", Particulars(force="05"), second, T0 + DAY)


def test_a_key_is_never_taken_twice() -> None:
    request = request_of("lea:91")
    snapshot = enrol(EMPTY, request, NOTHING, T0)
    with pytest.raises(DirectoryError, match="in the directory already"):
        enrol(snapshot, request, NOTHING, T0 + DAY)


def test_a_retired_office_ends_and_may_come_back() -> None:
    gone = retire(enrolled("lea:91"), "lea:91", T0 + DAY)
    assert gone.at(T0).offices["lea:91"].active
    assert not gone.at(T0 + DAY).offices["lea:91"].active
    assert gone.key("lea:91", "sign", T0 + DAY) is None
    with pytest.raises(DirectoryError, match="retired already"):
        retire(gone, "lea:91", T0 + 2 * DAY)
    back = enrolled("lea:91", snapshot=gone, start=T0 + 3 * DAY)
    assert [back.at(T0 + days * DAY).offices["lea:91"].active for days in range(4)] == [True, False, False, True]
    with pytest.raises(DirectoryError, match="before the last one is over"):
        enrolled("lea:91", snapshot=gone, start=T0)


def test_an_end_that_lies_ahead_may_come_sooner_and_never_later_or_over_again() -> None:
    ending = retire(enrolled("lea:91"), "lea:91", T0 + 9 * DAY)
    sooner = retire(ending, "lea:91", T0 + 2 * DAY, now=T0 + DAY)
    assert [sooner.at(T0 + days * DAY).offices["lea:91"].active for days in (1, 2, 9)] == [True, False, False]
    assert {key.end for key in sooner.keys("lea:91", "sign")} == {T0 + 2 * DAY}
    for at, now in ((T0 + 9 * DAY, T0), (T0 + 10 * DAY, T0), (T0 + DAY, T0 + 9 * DAY)):
        with pytest.raises(DirectoryError, match="retired already"):
            retire(ending, "lea:91", at, now=now)


def test_keys_are_rotated_until_the_term_is_over() -> None:
    keys = NewKeys.generate("lea:91")
    ending = retire(enrolled("lea:91"), "lea:91", T0 + 9 * DAY)
    cut = rotate(ending, "lea:91", keys, T0 + DAY, example=False, overlap=timedelta(0))
    assert [key.end for key in cut.keys("lea:91", "sign")] == [T0 + DAY, T0 + 9 * DAY]
    current = cut.key("lea:91", "sign", T0 + DAY)
    assert current is not None
    assert current.id == keys.signing.id
    assert cut.key("lea:91", "sign", T0 + 9 * DAY) is None
    with pytest.raises(DirectoryError, match="is retired"):
        rotate(ending, "lea:91", keys, T0 + 9 * DAY, example=False)


def test_what_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(DirectoryError, match="knows no lea:91"):
        retire(EMPTY, "lea:91", T0)
    with pytest.raises(DirectoryError, match="cannot end before it begins"):
        retire(enrolled("lea:91"), "lea:91", T0 - DAY)
    with pytest.raises(DirectoryError, match="is retired"):
        rotate(retire(enrolled("lea:91"), "lea:91", T0), "lea:91", NewKeys.generate("lea:91"), T0, example=False)


def test_a_rotation_moves_both_keys_at_one_moment() -> None:
    first, keys = enrolled("pas"), NewKeys.generate("pas")
    second = rotate(first, "pas", keys, T0 + DAY, example=False)
    assert keys.compartment is not None
    for use, new in (("sign", keys.signing.id), ("open", keys.opening.id), ("compartment", keys.compartment.id)):
        before, after = second.key("pas", use, T0 + DAY - timedelta(milliseconds=1)), second.key("pas", use, T0 + DAY)  # type: ignore[arg-type]  # mypy widens the tuple
        assert before is not None
        assert after is not None
        assert before.id == first.keys("pas", before.use)[0].id
        assert after.id == new


def test_old_keys_count_for_the_overlap_and_no_longer() -> None:
    old = enrolled("pas").keys("pas", "open")[0]
    kept = rotate(enrolled("pas"), "pas", NewKeys.generate("pas"), T0 + DAY, example=False).keys("pas", "open")[0]
    assert kept.current(T0 + DAY + OVERLAP - timedelta(milliseconds=1))
    assert not kept.current(T0 + DAY + OVERLAP)
    ended = rotate(enrolled("pas"), "pas", NewKeys.generate("pas"), T0 + DAY, example=False, overlap=timedelta(0)).keys("pas", "open")[0]
    assert ended.end == T0 + DAY
    assert old.end is None


def test_issue_counts_up_and_dates() -> None:
    edition = issue(EMPTY, T0 + DAY, 30)
    assert (edition.version, edition.issued_at, edition.expires_at) == (2, T0 + DAY, T0 + 31 * DAY)
