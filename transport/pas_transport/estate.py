"""The example estate that `pas init` makes: every force, FIB, prison office and PIO, PAS and its neighbours, with keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pas_schemas.directory import Office, PublicKey, Snapshot, Term, kind_of, prison_of
from pas_schemas.reference import establishments
from pas_transport.example_people import make_people
from pas_transport.keyring import NewKeys, add_keys

# Long before any report, so that stories of years ago can be played.
SINCE = datetime(2000, 1, 1, tzinfo=UTC)
# The territorial police forces of England and Wales, by PNC code (architecture, *Commands*, `pas init`).
FORCES = (
    "01", "03", "04", "05", "06", "07", "10", "11", "12", "13", "14", "16", "17", "20", "21", "22", "23",
    "30", "31", "32", "33", "34", "35", "36", "37", "40", "41", "42", "43", "44", "45", "46", "47", "48",
    "50", "52", "53", "54", "55", "60", "61", "62", "63",
)  # fmt: skip
# Haverigg: the one prison of the example without a PIO, so that its intelligence goes to the force's FIB.
WITHOUT_PIO = frozenset({"HVI"})
OTHERS = ("pas", "cat-a-team", "paso-unit", "lea:88", "lea:91", "lea:93", "feed:nomis")


def list_terms() -> Iterator[tuple[str, Term]]:
    """Every office of the example with its one term."""
    for force in FORCES:
        for kind in ("force", "fib"):
            yield f"{kind}:{force}", Term(SINCE, None, force)
    for code, prison in establishments().items():
        for kind in ("security", "governor"):
            yield f"{kind}:{code}", Term(SINCE, None, prison.force, prison.contracted)
        if code not in WITHOUT_PIO:
            yield f"pio:{code}", Term(SINCE, None, prison.force)
    for office in OTHERS:
        yield office, Term(SINCE)


def make_estate(keys_dir: Path, now: datetime, valid_days: int) -> Snapshot:
    """Makes every office's keys under `keys_dir` and returns the first edition of the directory; raises `KeyringError`."""
    offices = tuple(_make_office(keys_dir, office, term) for office, term in sorted(list_terms()))
    people = make_people(keys_dir, offices)
    return Snapshot(1, now, now + timedelta(days=valid_days), offices, example=True, people=people)


def _make_office(keys_dir: Path, office: str, term: Term) -> Office:
    keys = NewKeys.generate(office)
    # Half a thousand offices: nothing is lost if the machine fails here, for the workspace is not there before all is done.
    add_keys(keys_dir, office, keys, example=True, durable=False)
    public = tuple(PublicKey(key_id, use, data, SINCE, None, example=True) for use, key_id, data in keys.public)
    return Office(office, kind_of(office), prison_of(office), (term,), public)
