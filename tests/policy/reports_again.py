"""What may have become of an accepted report, at random: when the log took it, conditions accepted, words of its owners and of others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from policy.oracle_again import CONSENTS, Later, Word

Row = dict[str, Any]
Wait = tuple[int, str, str, str]

# Before, between and after the movements of the random worlds.
CAME = ("2014-06-01T00:00:00Z", "2015-03-01T00:00:00Z", "2015-10-01T00:00:00Z", "2015-11-14T00:00:00Z", "2015-11-18T11:00:00Z")
STRANGERS = ("pas", "fib:01", "pio:WSI", "force:06", "governor:WSI")


def make_later(rng: random.Random, raw: Row, answer: Row, waits: Sequence[Wait], silent: Sequence[tuple[str, int]] = ()) -> Later:
    """`answer` is what stands before anybody spoke, `waits` what is asked of whom, `silent` which Governors know nothing of which items."""
    offices = [outcome["office"] for outcome in answer["outcomes"]]
    accepted = frozenset(office for office in offices if rng.random() < 0.4)
    mode = rng.choice(("nobody", "all release", "all refuse", "some", "some", "some", "disorder"))
    words: list[Word] = []
    for item, office, rule, owner in waits if mode != "nobody" else ():
        words += _speak(rng, mode, raw["originator"], item, office, rule, owner)
    for office, item in silent if mode != "nobody" and rng.random() < 0.7 else ():
        speaker = "pas" if rng.random() < 0.9 else rng.choice(STRANGERS)
        words.append(Word(speaker, "release" if rng.random() < 0.8 else "refuse", item, office, frozenset({"R-SENIORITY"})))
        if rng.random() < 0.7:
            words.append(Word(raw["originator"], "release" if rng.random() < 0.8 else "refuse", item, office, frozenset(CONSENTS)))
    for case in answer["cases"] if mode != "nobody" else ():
        for reason in case["reasons"]:
            if rng.random() < 0.5:
                speaker = case["owner"] if rng.random() < 0.8 else rng.choice(STRANGERS)
                words.append(Word(speaker, "release", None, None, frozenset({reason})))
    if mode == "disorder":
        rng.shuffle(words)
    return Later(rng.choice(CAME), accepted, tuple(words))


def _speak(rng: random.Random, mode: str, origin: str, item: int, office: str, rule: str, owner: str) -> list[Word]:
    speaker = origin if rule in CONSENTS and (mode == "all release" or rng.random() < 0.6) else owner
    if mode in ("all release", "all refuse"):
        return [Word(speaker, mode.removeprefix("all "), item, office, frozenset({rule}))]
    if rng.random() < 0.3:
        return []
    speakers = [speaker] if rng.random() < 0.8 else [rng.choice(STRANGERS), origin]
    if rng.random() < 0.2:
        speakers.append(speaker)
    seen = frozenset({rule} | {other for other in ("G-CATA", "R-EVALUATE", "R-SENIORITY", "H1-NONPROS") if rng.random() < 0.15})
    return [Word(one, "release" if rng.random() < 0.7 else "refuse", item, office, seen) for one in speakers]
