"""The gateway's figures for Prometheus: a closed list, labelled by rules, topics, stages and kinds, never by an office or a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from pas_gateway.meters import STAGES, Histogram
from pas_gateway.survey import Survey
from pas_schemas.models.words import PRIORITIES
from pas_schemas.rules import SENTENCES

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
FATES = ("accepted", "rejected", "quarantined", "duplicate")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, its kind, what it means, and its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


# In the order in which docs/monitoring.md lists them. Those of `survey` are the same on every host of one register.
METRICS = (
    Metric("pas_up", "gauge", "1 where it answers: register, log; 1 where it can be used: keys, rulebook", ("part",)),
    Metric("pas_input_lag_records", "gauge", "Records the log holds and the register has not taken in", ("topic", "partition")),
    Metric("pas_partitions_stopped", "gauge", "Input partitions that rest until a person sees to them"),
    Metric("pas_movements_unfollowed", "gauge", "Movements taken in after which live reports have yet to be decided again"),
    Metric("pas_reports_total", "counter", "Records that came in as reports, by what became of them", ("fate",)),
    Metric("pas_rejected_total", "counter", "Reports rejected, by each rule that rejected them", ("rule",)),
    Metric("pas_refused_pairs_total", "counter", "Pairs of office and item refused when a report was accepted, by rule", ("rule",)),
    Metric("pas_held_pairs_total", "counter", "Pairs of office and item held when a report was accepted"),
    Metric("pas_movements_total", "counter", "Movements taken in"),
    Metric("pas_replies_total", "counter", "Replies taken in"),
    Metric("pas_deliveries_sent_total", "counter", "Deliveries that the log has"),
    Metric("pas_audit_events_total", "counter", "Audit events written"),
    Metric("pas_outbox_rows", "gauge", "Rows of sealed deliveries that wait to be sent, threats to life by themselves", ("urgent",)),
    Metric("pas_outbox_oldest_seconds", "gauge", "How long the oldest of them has waited", ("urgent",)),
    Metric("pas_unread_deliveries", "gauge", "What must be read and nobody has read, summaries included", ("priority",)),
    Metric("pas_unread_oldest_seconds", "gauge", "How long the oldest of it has waited since its report or summary came", ("priority",)),
    Metric("pas_cases_open", "gauge", "Open cases, by the kind of their owner", ("owner_kind",)),
    Metric("pas_cases_overdue", "gauge", "Those of them whose time is over", ("owner_kind",)),
    Metric("pas_rungs_climbed_total", "counter", "Rungs climbed of what nobody read, decided or answered in time"),
    Metric("pas_directory_version", "gauge", "The edition of the directory"),
    Metric("pas_directory_expires_seconds", "gauge", "Seconds until it expires"),
    Metric("pas_key_age_seconds", "gauge", "How old the current keys of PAS are", ("use",)),
    Metric("pas_rulebook_info", "gauge", "1; the digest of the rulebook that this run began with", ("digest",)),
    Metric("pas_calendar_ends_seconds", "gauge", "Seconds until the last holiday that the rulebook names begins"),
    Metric("pas_workers", "gauge", "Worker processes of this run, by how they are", ("state",)),
    Metric("pas_worker_falls_total", "counter", "Worker processes of this run that ended without being told to"),
    Metric("pas_batch_records", "histogram", "How many records the batches of this host had"),
    Metric("pas_batch_seconds", "histogram", "How long they took, stage by stage", ("stage",)),
)  # fmt: skip
# Of the other kinds there is one office or hardly more.
OWNER_KINDS, OTHER = ("pas", "force", "fib", "pio", "lea", "security", "governor"), "other"
STATES = ("well", "starting", "waits", "hangs")


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape shows; without a survey what comes from it is absent."""

    up: Mapping[str, bool]
    survey: Survey | None
    rulebook: str
    workers: Sequence[str]
    falls: int
    histograms: Mapping[str, Histogram] = field(repr=False)
    calendar_ends: float | None


def render(scrape: Scrape) -> bytes:
    """The scrape in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(scrape))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    def collect(self) -> Iterator[Family]:
        values: dict[str, list[tuple[tuple[str, ...], float]]] = {}
        for name, labels, value in _list_values(self._scrape):
            values.setdefault(name, []).append((labels, value))
        for metric in METRICS:
            if metric.kind == "histogram":
                yield _draw(metric, self._scrape.histograms)
            elif metric.name in values:
                family = _FAMILIES[metric.kind](metric.name, metric.meaning, labels=metric.labels)
                for labels, value in values[metric.name]:
                    family.add_metric(labels, value)
                yield family


_FAMILIES: Mapping[str, type[CounterMetricFamily] | type[GaugeMetricFamily]] = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
Value = tuple[str, tuple[str, ...], float]


def _list_values(scrape: Scrape) -> Iterator[Value]:
    for part, up in scrape.up.items():
        yield "pas_up", (part,), up
    yield "pas_rulebook_info", (scrape.rulebook,), 1
    if scrape.calendar_ends is not None:
        yield "pas_calendar_ends_seconds", (), scrape.calendar_ends
    for state in STATES:
        yield "pas_workers", (state,), scrape.workers.count(state)
    yield "pas_worker_falls_total", (), scrape.falls
    if scrape.survey is not None:
        yield from _list_counts(scrape.survey)
        yield from _list_waiting(scrape.survey)


def _list_counts(survey: Survey) -> Iterator[Value]:
    for fate in FATES:
        yield "pas_reports_total", (fate,), survey.counts.get(fate, 0)
    # What is no rule has no place here, whatever the register's row says.
    for rule in SENTENCES:
        for metric, prefix in (("pas_rejected_total", "rejected"), ("pas_refused_pairs_total", "refused")):
            if count := survey.counts.get(f"{prefix}:{rule}"):
                yield metric, (rule,), count
    for name, counter in (
        ("pas_held_pairs_total", "held"), ("pas_movements_total", "movements"), ("pas_replies_total", "replies"),
        ("pas_deliveries_sent_total", "sent"), ("pas_audit_events_total", "events"),
        ("pas_rungs_climbed_total", "escalated"),
    ):  # fmt: skip
        yield name, (), survey.counts.get(counter, 0)


def _list_waiting(survey: Survey) -> Iterator[Value]:
    for partition, behind in sorted(survey.lag.items()):
        yield "pas_input_lag_records", (partition.topic, str(partition.number)), behind
    yield "pas_partitions_stopped", (), len(survey.stopped)
    yield "pas_movements_unfollowed", (), survey.unfollowed
    for urgent, waiting in survey.outbox.items():
        yield "pas_outbox_rows", (str(urgent).lower(),), waiting.count
        yield "pas_outbox_oldest_seconds", (str(urgent).lower(),), survey.since(waiting.since_ms)
    for priority in PRIORITIES:
        unread = survey.unread.get(priority)
        yield "pas_unread_deliveries", (priority,), unread.count if unread else 0
        yield "pas_unread_oldest_seconds", (priority,), survey.since(unread.since_ms) if unread else 0
    for name, cases in (("pas_cases_open", survey.open_cases), ("pas_cases_overdue", survey.overdue_cases)):
        for kind in OWNER_KINDS:
            yield name, (kind,), cases.get(kind, 0)
        yield name, (OTHER,), sum(count for kind, count in cases.items() if kind not in OWNER_KINDS)
    yield "pas_directory_version", (), survey.directory_version
    yield "pas_directory_expires_seconds", (), (survey.directory_expires - survey.at).total_seconds()
    for use, age in survey.key_ages.items():
        yield "pas_key_age_seconds", (use,), age.total_seconds()


def _draw(metric: Metric, histograms: Mapping[str, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for name in STAGES if metric.labels else ("records",):
        found = histograms[name]
        buckets = [(str(bound), count) for bound, count in zip((*found.bounds, "+Inf"), found.counts, strict=True)]
        family.add_metric((name,) if metric.labels else (), buckets, found.sum)
    return family
