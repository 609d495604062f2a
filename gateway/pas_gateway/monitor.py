"""What is asked from outside of a run: is it alive, is it ready, how does it stand; from a register and log of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from pas_gateway.meters import read_meters
from pas_gateway.metrics import Scrape, render
from pas_gateway.office import PasOffice
from pas_gateway.realm import MAIN
from pas_gateway.register import Store, gauges, open_store
from pas_gateway.survey import Survey, take_survey
from pas_gateway.vitals import SUPERVISOR, Vitals
from pas_schemas.errors import PasError
from pas_transport.log import Log
from pas_transport.rules import find_calendar_end, load_rulebook
from pas_transport.workspace import Workspace

# A survey of a large register takes long: it is taken again once so many times its own time has passed, so that watching
# costs a twentieth of a processor at most. To wait for what is away costs nothing, and it is asked again at once.
SHARE = 20
MIN_AGE_SECONDS = 0.5
# Whoever scrapes waits ten seconds at most, as a rule: what does not answer is told as away before.
WAIT_SECONDS = 5
PARTS = ("register", "log", "keys", "rulebook")


@dataclass(frozen=True, slots=True)
class Findings:
    """What answers, whether the register takes what is written, and the survey where everything answered."""

    up: dict[str, bool]
    writable: bool
    survey: Survey | None


@dataclass
class Monitor:
    """One thread asks, and whoever wants to know waits for it, though not for long: a part may hang that no bound is kept on, such as a
    network share with keys. Until it answers it is away."""

    workspace: Workspace = field(repr=False)
    vitals: Vitals = field(repr=False)
    rulebook: str
    _store: Store = field(repr=False)
    _log: Log | None = None
    _up: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(PARTS, False))
    _writable: bool = False
    _survey: Survey | None = None
    _calendar_ends: datetime | None = None
    _good_until: float = 0.0
    _asking: threading.Thread | None = None
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def of(cls, workspace: Workspace, vitals: Vitals, rulebook: str) -> Iterator[Monitor]:
        """Opens what it asks; RegisterError where the register's URL is none."""
        wait = min(workspace.settings.kafka_wait_seconds, WAIT_SECONDS)
        patient = replace(workspace, warn=_say_nothing, settings=workspace.settings.model_copy(update={"kafka_wait_seconds": wait}))
        with closing(open_store(workspace.register_url)) as store:
            monitor = cls(patient, vitals, rulebook, store)
            try:
                yield monitor
            finally:
                monitor._end()

    def check_health(self) -> dict[str, bool]:
        """Whether each process lives and goes on. Asks nobody, and so answers whatever else hangs."""
        return {name: state != "hangs" for name, state in self.vitals.look().items()}

    def check_readiness(self) -> dict[str, bool]:
        """Whether a report that comes now would be taken in."""
        found = self.look()
        states = self.vitals.look().values()
        stopped = found.survey.stopped if found.survey is not None else ()
        return {
            **found.up,
            "register": found.up["register"] and found.writable,
            "partitions": found.survey is not None and not stopped,
            "workers": all(state == "well" for state in states),
        }

    def scrape(self) -> bytes:
        """The metrics as Prometheus reads them."""
        found = self.look()
        workers = [state for name, state in self.vitals.look().items() if name != SUPERVISOR]
        histograms = read_meters(self.workspace.root)
        return render(Scrape(found.up, found.survey, self.rulebook, workers, self.vitals.falls, histograms, self._count_calendar()))

    def look(self) -> Findings:
        """What was found a moment ago, or is found now; of what does not answer in time, that it is away."""
        with self._lock:
            if self._asking is None and not self._ended and time.monotonic() >= self._good_until:
                self._asking = threading.Thread(target=self._find, name="monitor", daemon=True)
                self._asking.start()
            asking = self._asking
        if asking is not None:
            asking.join(WAIT_SECONDS)
        # A survey that takes longer than that is told the next time, and the one before meanwhile.
        up = dict(self._up)
        return Findings(up, self._writable, self._survey if up["register"] and up["log"] else None)

    def _find(self) -> None:
        again = time.monotonic() + MIN_AGE_SECONDS
        try:
            # What may hang for longest comes last: of the others it is known then how they are.
            self._ask("rulebook", self._read_calendar)
            self._ask("keys", lambda: PasOffice.of(self.workspace))
            self._ask("log", self._ask_log)
            self._ask("register", lambda: self._store.ask(gauges.has_counters))
            self._writable = False
            self._writable = self._up["register"] and _holds(self._try_to_write)
            began = time.monotonic()
            self._survey = self._take_survey()
            if self._survey is not None:
                again = max(again, began + SHARE * (time.monotonic() - began))
        finally:
            with self._lock:
                self._asking, self._good_until = None, again

    def _ask(self, part: str, question: Callable[[], object]) -> None:
        self._up[part] = False
        self._up[part] = _holds(question)

    def _read_calendar(self) -> None:
        self._calendar_ends = find_calendar_end(load_rulebook(self.workspace))

    def _count_calendar(self) -> float | None:
        if self._calendar_ends is None or not self._up["rulebook"]:
            return None
        return (self._calendar_ends - self.workspace.clock.now()).total_seconds()

    def _try_to_write(self) -> None:
        """A transaction of nothing: a standby, a file that is read-only and a register that a newer program took over refuse it."""
        self._store.write(lambda connection: None)

    def _take_survey(self) -> Survey | None:
        if self._log is None or not self._up["register"]:
            return None
        try:
            return take_survey(self.workspace, self._store, self._log)
        except PasError:
            # One of them went away meanwhile; the next look says which.
            self._close_log()
            return None

    def _end(self) -> None:
        """What hangs is left to itself, and keeps nobody from ending."""
        with self._lock:
            self._ended, asking = True, self._asking
        if asking is not None:
            asking.join(WAIT_SECONDS)
        if asking is None or not asking.is_alive():
            self._close_log()

    def _ask_log(self) -> None:
        try:
            if self._log is None:
                self._log = self.workspace.log()
            self._log.ends(MAIN.inputs)
        except PasError:
            self._close_log()
            raise

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
        self._log = None


def _holds(question: Callable[[], object]) -> bool:
    try:
        question()
    except PasError:
        return False
    return True


def _say_nothing(sentence: str, hint: str) -> None:
    """Whoever runs the gateway has been warned already."""
