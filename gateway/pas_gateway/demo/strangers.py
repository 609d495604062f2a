"""Trying real records with the real keys of every office they are not for: none may open."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from pas_gateway.demo.letters import Letter, Post
from pas_schemas.directory import Snapshot
from pas_schemas.errors import SealError
from pas_schemas.sealing import BadWrapError, Opener, OpeningKey, WrongRecipientError, read_label
from pas_schemas.sealing.envelope import TIMES_BYTES, epoch_info, parse_envelope, parse_head
from pas_transport.keyring import Keyring
from pas_transport.workspace import Workspace

PROCESSES = 2
# A try is a key agreement of some 0.15 ms: more pairs than this would take more than a quarter of a minute.
MAX_TRIES = 120_000
# For each record so many strangers go through every check of a reader, as themselves and posing as its recipient.
POSERS = 3


@dataclass(frozen=True, slots=True)
class Lock:
    """What an epoch's secret is locked in, taken from one office's record: opened by that office's key alone."""

    office: str
    sealed: bytes = field(repr=False)
    info: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: `own` locks opened with their own key (all of them should), `opened` pairs that never should."""

    locks: int
    keys: int
    own: int
    tries: int
    pairs: int
    posed: int
    opened: tuple[str, ...]


def try_strangers(workspace: Workspace, post: Post, seed: int) -> Trial:
    """One record of every office's topic against the keys of every other office in `keys/`."""
    rng = Random(seed)
    chosen = {office: rng.choice(letters) for office, letters in sorted(post.letters.items()) if letters}
    holders = workspace.held_offices()
    most = max(1, MAX_TRIES // max(1, len(holders)))
    tried = sorted(rng.sample(sorted(chosen), most)) if len(chosen) > most else sorted(chosen)
    locks = [_lock_of(office, chosen[office].taken.value) for office in tried]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        slices = [holders[number::PROCESSES] for number in range(PROCESSES)]
        running = [pool.submit(try_keys, str(workspace.keys_dir), part, locks) for part in slices]
        posed, let_in = _pose(workspace, {office: chosen[office] for office in tried}, holders, rng)
        done = [each.result() for each in running]
    own, tries = sum(each[0] for each in done), sum(each[1] for each in done)
    opened = [pair for each in done for pair in each[2]] + let_in
    return Trial(len(locks), len(holders), own, tries, len(chosen) * (len(holders) - 1), posed, tuple(opened))


def try_keys(keys_dir: str, holders: Sequence[str], locks: Sequence[Lock]) -> tuple[int, int, list[str]]:
    """Every key of these holders on every lock: own locks opened, strangers' tries made, and the pairs that opened."""
    own, tries, opened = 0, 0, []
    for holder in holders:
        keys = _all_keys(Keyring.open(Path(keys_dir), holder))
        for lock in locks:
            fits = any(key.open(lock.sealed, lock.info) is not None for key in keys)
            if holder == lock.office:
                own += fits
                continue
            tries += 1
            if fits:
                opened.append(f"{holder} opens what is for {lock.office}")
    return own, tries, opened


def _all_keys(ring: Keyring) -> list[OpeningKey]:
    return [*ring.opening().values(), *ring.compartment().values()]


def _lock_of(office: str, value: bytes) -> Lock:
    """The HPKE seal of a record with all that it is bound to: what is left when no name is checked any more."""
    envelope = parse_envelope(value)
    times = envelope.wrap[:TIMES_BYTES]
    return Lock(office, envelope.wrap[TIMES_BYTES:], epoch_info(parse_head(envelope.label), times))


def _pose(workspace: Workspace, letters: dict[str, Letter], holders: Sequence[str], rng: Random) -> tuple[int, list[str]]:
    """Strangers at a reader's door: refused by name, and refused by the lock where they pose as the recipient."""
    snapshot, posed, let_in = workspace.directory(), 0, []
    for office, letter in letters.items():
        for stranger in rng.sample([holder for holder in holders if holder != office], POSERS):
            keys = workspace.keyring(stranger).opening()
            honest = _reader(snapshot, stranger, keys)
            # It says that its own key is the one the record asks for.
            poser = _reader(snapshot, office, {read_label(letter.taken.value).recipient_key: next(iter(keys.values()))})
            posed += 1
            if not (_is_refused(honest, letter, WrongRecipientError) and _is_refused(poser, letter, BadWrapError)):
                let_in.append(f"{stranger} is let in to what is for {office}")
    return posed, let_in


def _reader(snapshot: Snapshot, name: str, keys: Mapping[str, OpeningKey]) -> Opener:
    """Who reads under a name, with these keys and the true directory."""
    find = snapshot.find_key
    return Opener(name, keys, lambda sender, key_id: find(sender, "sign", key_id), lambda key_id: find(name, "open", key_id))


def _is_refused(opener: Opener, letter: Letter, failure: type[SealError]) -> bool:
    """Whether exactly this check refuses the record."""
    try:
        opener.open(letter.taken.value, letter.taken.at)
    except SealError as refused:
        return isinstance(refused, failure)
    return False
