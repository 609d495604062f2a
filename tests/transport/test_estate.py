"""The example estate: who is in it, that every key is its own, and that private keys lie nowhere but in keys/."""

from __future__ import annotations

import stat
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pas_schemas.directory import Snapshot
from pas_schemas.reference import establishments
from pas_transport.workspace import open_workspace

SINCE = datetime(2000, 1, 1, tzinfo=UTC)
FORCES = """
    01 03 04 05 06 07 10 11 12 13 14 16 17 20 21 22 23 30 31 32 33 34 35
    36 37 40 41 42 43 44 45 46 47 48 50 52 53 54 55 60 61 62 63
""".split()


@pytest.fixture(scope="module")
def snapshot(pristine: Path) -> Snapshot:
    return open_workspace(pristine, environment={}).directory()


def test_it_holds_who_it_should(snapshot: Snapshot) -> None:
    kinds = Counter(office.kind for office in snapshot.offices)
    prisons = len(establishments())
    assert kinds == {
        "force": 43, "fib": 43, "security": prisons, "governor": prisons, "pio": prisons - 1,
        "pas": 1, "cat-a-team": 1, "paso-unit": 1, "lea": 3, "feed": 1,
    }  # fmt: skip
    assert {office.id for office in snapshot.offices if office.kind == "force"} == {f"force:{code}" for code in FORCES}
    assert {"lea:88", "lea:91", "lea:93", "feed:nomis", "fib:01"} <= set(snapshot.by_id)
    assert snapshot.example
    assert snapshot.version == 1


def test_every_office_stands_since_2000_and_none_before(snapshot: Snapshot) -> None:
    assert all(len(office.terms) == 1 and office.terms[0].start == SINCE and office.terms[0].end is None for office in snapshot.offices)
    assert all(standing.active for standing in snapshot.at(SINCE).offices.values())
    assert not any(standing.active for standing in snapshot.at(datetime(1999, 12, 31, tzinfo=UTC)).offices.values())


def test_postings_areas_and_contractors_are_the_registers(snapshot: Snapshot) -> None:
    estate = snapshot.at(SINCE)
    for code, prison in establishments().items():
        for kind in ("security", "governor"):
            office = estate.offices[f"{kind}:{code}"]
            assert (office.prison, office.force, office.contracted) == (code, prison.force, prison.contracted)
        pio = estate.get(f"pio:{code}")
        assert (pio is None) == (code == "HVI")
        assert pio is None or (pio.prison, pio.force, pio.contracted) == (code, prison.force, False)
    assert estate.conduit("HVI") == f"fib:{establishments()['HVI'].force}"
    assert estate.conduit("WSI") == "pio:WSI"
    assert estate.own("force:01") >= {"force:01", "fib:01", "pio:WSI"}
    assert all(prison.force in FORCES for prison in establishments().values())


def test_each_office_has_a_key_of_its_own_for_each_use(snapshot: Snapshot) -> None:
    for use in ("sign", "open"):
        keys = [snapshot.keys(office.id, use) for office in snapshot.offices]
        assert all(len(found) == 1 and found[0].example and found[0].start == SINCE for found in keys)
        assert len({found[0].public for found in keys}) == len({found[0].id for found in keys}) == len(snapshot.offices) == 467
    assert [office.id for office in snapshot.offices if snapshot.keys(office.id, "compartment")] == ["pas"]


def test_private_keys_are_secret_and_lie_in_keys_alone(estate: Path) -> None:
    keys = estate / "keys"
    privates = list(keys.rglob("*.key"))
    # Sign, open, id and store for each office; three more for PAS, two for its compartment; the root's; one for each person.
    people = [path for path in privates if path.name.startswith("person-")]
    assert len(privates) - len(people) == 467 * 4 + 3 + 2 + 1
    assert len(people) == len(open_workspace(estate, environment={}).directory().people) == 6 + 2 * (467 - 2)
    assert {stat.S_IMODE(path.stat().st_mode) for path in privates} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (keys, *(path for path in keys.iterdir()))} == {0o700}
    secrets = [path.read_bytes() for path in privates]
    assert len(set(secrets)) == len(secrets)
    elsewhere = b"".join(path.read_bytes() for path in estate.rglob("*") if path.is_file() and keys not in path.parents)
    assert len(elsewhere) > 500_000
    for secret in secrets:
        assert secret not in elsewhere
        assert secret.hex().encode() not in elsewhere
        assert secret[:32] not in elsewhere


def test_no_private_half_of_a_hybrid_key_is_in_the_directory(estate: Path) -> None:
    published = (estate / "directory" / "0001.snapshot").read_bytes()
    for path in (estate / "keys").glob("*/open-*.key"):
        data = path.read_bytes()
        assert data[:64] not in published
        assert data[64:] not in published


def test_every_private_key_belongs_to_the_public_one(estate: Path) -> None:
    workspace = open_workspace(estate, environment={})
    snapshot = workspace.directory()
    for office in ("pas", "force:01", "pio:WSI", "feed:nomis", "cat-a-team"):
        ring = workspace.keyring(office)
        assert ring.signing().verify_key.to_bytes() == snapshot.keys(office, "sign")[0].public
        assert [key.sealing_key.to_bytes() for key in ring.opening().values()] == [snapshot.keys(office, "open")[0].public]
    pas = workspace.keyring("pas")
    assert [key.sealing_key.to_bytes() for key in pas.compartment().values()] == [snapshot.keys("pas", "compartment")[0].public]
    assert len({pas.id_key().id, pas.store_key().id, pas.register_key().id, pas.register_id_key().id}) == 4
