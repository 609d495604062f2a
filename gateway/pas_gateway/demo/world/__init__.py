"""A made-up world over the real registers: people in prison, their movements, and reports on them; the same seed, the same world."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from pas_gateway.demo.world.faults import rewrite, spoil
from pas_gateway.demo.world.people import Population
from pas_gateway.demo.world.writing import Row, Writer
from pas_schemas.directory import Estate

__all__ = ["Population", "Row", "World", "Writer", "make_world"]

# What goes wrong in a force's day: lines that may not come in, a URN used again, a journal lost.
SPOILT = 0.05
URN_REUSED = 0.015
SENT_AGAIN = 0.015
# About as many people as there are pairs of reports, so that risk builds up on some of them.
REPORTS_PER_PERSON = 2
FEWEST_PEOPLE = 12


@dataclass(frozen=True, slots=True)
class World:
    """Movements and reports as they are sent, and the reports that somebody sends a second time."""

    movements: tuple[Row, ...] = field(repr=False)
    reports: tuple[Row, ...] = field(repr=False)
    again: tuple[Row, ...] = field(repr=False)


def make_world(seed: int, now: datetime, estate: Estate, reports: int) -> World:
    """So many reports, nearly all of them sound, on people who are where the movements say."""
    rng = Random(f"pas/demo/{seed}")
    population = Population(rng, now, estate, max(FEWEST_PEOPLE, reports // REPORTS_PER_PERSON))
    writer = Writer(rng, population, now, estate)
    written: list[Row] = []
    sound: list[Row] = []
    for _ in range(reports):
        luck = rng.random()
        if luck < SPOILT:
            written.append(spoil(rng, writer.write(), now))
        elif sound and luck < SPOILT + URN_REUSED:
            written.append(rewrite(rng.choice(sound)))
        else:
            sound.append(writer.write())
            written.append(sound[-1])
    again = rng.sample(sound, min(len(sound), round(reports * SENT_AGAIN)))
    return World(population.movements, tuple(written), tuple(again))
