"""Reports add up in the order in which the log took them, whichever is decided first (ADR 0005)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.desk import Desk, Row
from gateway.judging import read_all
from pas_gateway.register import queries
from pas_schemas.topics import REPORTS
from pas_transport.log import Taken


def find_referrals(desk: Desk, *reports: Row) -> list[bool]:
    """Of each report whether PAS's case on it says R-REFERRAL."""
    with desk.store.reading() as register:
        found = [queries.find_accepted(register, (), [(report["originator"], report["urn"])])[0] for report in reports]
        cases = queries.find_cases(register, [one.id for one in found])
    return [any(case.report == one.id and case.state == "OPEN" and "R-REFERRAL" in case.reasons for case in cases) for one in found]


def write_two(desk: Desk) -> tuple[Row, Row]:
    """Neither tells enough alone; together they say escape and organised crime."""
    return desk.write(risk_tags=["OCG"]), desk.write(risk_tags=["ESCAPE"])


def publish(desk: Desk, *reports: Row) -> list[Taken]:
    """Into the log, in one run; the records that hold them."""
    before = {(taken.partition, taken.offset) for taken in read_all(desk.log, REPORTS.name)}
    desk.publish(*reports)
    return [taken for taken in read_all(desk.log, REPORTS.name) if (taken.partition, taken.offset) not in before]


def decide(desk: Desk, records: list[Taken]) -> None:
    desk.pipeline.commit(desk.pipeline.take_reports(records, ()))


def test_the_later_one_completes_the_sum(desk: Desk) -> None:
    first, second = write_two(desk)
    desk.publish(first)
    desk.publish(second)
    desk.run()
    assert find_referrals(desk, first, second) == [False, True]


def test_the_order_of_a_file_counts_within_one_moment_of_the_log(desk: Desk) -> None:
    reports = [desk.write(risk_tags=["DRUGS"]) for _ in range(20)]
    first, second = write_two(desk)
    came = publish(desk, *reports[:10], first, *reports[10:], second)
    assert len({taken.at for taken in came}) == 1
    assert len({taken.partition for taken in came}) > 1
    desk.run()
    assert find_referrals(desk, first, second) == [False, True]


@pytest.mark.parametrize(("apart", "completes"), [(timedelta(milliseconds=40), 1), (timedelta(minutes=2), 0)])
def test_the_order_of_a_file_counts_where_partitions_take_parts_of_it_at_other_moments(
    desk: Desk, apart: timedelta, completes: int
) -> None:
    """As Kafka's do: the first line is in the log some milliseconds after the second. Two minutes apart they are two files."""
    reports = write_two(desk)
    [one], [other] = (publish(desk, report) for report in reports)
    decide(desk, [other])
    decide(desk, [replace(one, at=one.at + apart)])
    assert find_referrals(desk, *reports) == [index == completes for index in (0, 1)]


def test_a_report_that_is_decided_late_moves_the_case_to_the_one_after_it(desk: Desk) -> None:
    first, second = write_two(desk)
    earlier, later = publish(desk, first), publish(desk, second)
    # Another worker is faster: what the log took later is decided first.
    decide(desk, later)
    assert find_referrals(desk, second) == [False]
    decide(desk, earlier)
    assert find_referrals(desk, first, second) == [False, True]


def test_a_case_closes_where_an_earlier_report_completes_the_sum_sooner(desk: Desk) -> None:
    first, second = write_two(desk)
    third = desk.write(risk_tags=["FIREARMS"])
    came = [publish(desk, report) for report in (first, second, third)]
    decide(desk, came[0])
    decide(desk, came[2])
    assert find_referrals(desk, first, third) == [False, True]
    decide(desk, came[1])
    assert find_referrals(desk, first, second, third) == [False, True, False]
