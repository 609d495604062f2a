"""`R-REFERRAL` from a register: batch after batch only what may add up is read again, and it comes out as if all of it were."""

from __future__ import annotations

from collections import Counter
from random import Random

from gateway.desk import Desk, Row
from pas_gateway.trace import trace
from policy.test_referral import Told, count_by_days
from producers.samples import make_subject

# Whose they are: of a dozen people, one of whom has two.
NUMBERS = {"A1234BC": "A1234BC", "C3333CC": "A1234BC"} | {number: number for number in (f"D{place:04d}DD" for place in range(11))}
TAGS = ["ESCAPE", "FIREARMS", "OCG", "VIOLENCE", "HEALTH", "DRUGS"]
WEEKS = 36
BATCHES, IN_BATCH = 8, 14


def test_what_adds_up_is_found_whoever_was_taken_in_before(desk: Desk) -> None:
    for number in sorted(NUMBERS.keys() - {"A1234BC"}):
        desk.move(noms_number=number)
    desk.move(hours_ago=12, event="MERGED", removed_noms_number="C3333CC", prison=None, category=None)
    random, struck = Random(3), Counter[bool]()
    before: dict[str, list[tuple[int, frozenset[str]]]] = {person: [] for person in NUMBERS.values()}
    expected: dict[str, bool] = {}
    for _ in range(BATCHES):
        batch: list[Row] = []
        for _ in range(IN_BATCH):
            number, week = random.choice(sorted(NUMBERS)), random.randrange(WEEKS)
            tags = random.sample(TAGS, random.choices([0, 1, 2], [4, 4, 2])[0])
            # By weeks: nothing lies 90 days from anything to the minute.
            earlier = [Told(7 * (week - other), found) for other, found in before[NUMBERS[number]]]
            report = desk.write(hours_ago=1 + week * 7 * 24, subjects=[make_subject(noms_number=number, pnc_id=None)], risk_tags=tags)
            expected[report["urn"]] = bool(count_by_days(earlier, set(tags)))
            before[NUMBERS[number]].append((week, frozenset(tags)))
            batch.append(report)
        desk.publish(*batch)
        desk.run()
    for urn, adds_up in expected.items():
        told = trace(desk.store, desk.office.register_key, urn, "force:01")
        assert any("R-REFERRAL" in case["reasons"] for case in told["cases"]) is adds_up, urn
        struck[adds_up] += 1
    assert min(struck[True], struck[False]) >= 8, struck
