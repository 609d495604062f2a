"""Both gateways over one workspace: PAS's own desk, and that of its compartment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.deciding import Bench
from gateway.desk import OFFICES, Desk, Row, copy_estate
from gateway.judging import Sent, judge_log
from pas_consumers import Inbox
from pas_gateway.protecting import read_list
from pas_gateway.register import schema
from pas_gateway.veil import Veil, find_veil
from pas_schemas.models.protection import Protection
from pas_schemas.topics import COMPARTMENT
from producers.samples import make_declarations

ONE, TWO = "example-apart-1", "example-apart-2"


class ApartDesk(Desk):
    """The compartment's side of a workspace."""

    def run(self) -> list[Sent]:
        self.worker("worker-1").run(lambda: self.is_idle((COMPARTMENT.name,)))
        return judge_log(self.log, self.workspace)


@dataclass
class Both:
    """PAS and its compartment."""

    main: Desk
    apart: ApartDesk = field(init=False)

    def __post_init__(self) -> None:
        self.apart = ApartDesk(self.main.workspace.compartment())

    @property
    def bench(self) -> Bench:
        return Bench(self.apart)

    def flagged(self, **changes: Any) -> Row:
        return self.main.write(declarations=make_declarations(protected_assisting_offender=True), **changes)

    def word(self, number: str, action: str, person: str) -> Protection:
        """What a person says about whom the compartment protects, before it is signed."""
        return Protection.model_validate({
            "action": action, "subject": self.apart.office.main_names.number(number), "office": "pas", "person": person,
            "post": self.main.snapshot.by_reference[person].appointments[-1].post, "reason": "He gives evidence.",
            "at": self.main.workspace.clock.now(),
        })  # fmt: skip

    def is_protected(self, number: str) -> tuple[bool, str | None]:
        """Whether a person is, and what waits for a second reader to say the same."""
        with self.apart.store.reading() as register:
            one = read_list(register, self.apart.office)[self.apart.office.main_names.number(number) or b""]
        return one.on, next(iter(one.waits.values()), None)

    def turn(self, **later: float) -> None:
        """The clock of both goes on."""
        self.main.turn(**later)
        self.apart.open_anew(self.main.workspace.compartment())

    def veil(self) -> Veil:
        """The edition that PAS's gateway goes by."""
        with self.main.store.reading() as register:
            return find_veil(register, self.main.office.register_key)

    def take(self, office: str, *, read: bool = True) -> list[str]:
        """What an office's inbox takes now, by kind; all of it read, and answered."""
        with Inbox.of(self.main.workspace, office, post="duty-officer", person="example-0001") as inbox:
            taken = inbox.take()
            assert (taken.aside, taken.gaps, taken.stopped) == ((), (), ())
            for one in taken.new if read else ():
                inbox.read(one.id)
            inbox.send()
            return [one.kind for one in taken.new]


@contextmanager
def open_both(pristine: Path, root: Path) -> Iterator[Both]:
    with Desk(copy_estate(pristine, root, (*OFFICES, "paso-unit"))) as main:
        main.move()
        main.run()
        both = Both(main)
        with both.apart:
            yield both


def dump(desk: Desk, *without: str) -> dict[str, list[Row]]:
    """Every row of a register."""
    with desk.store.reading() as register:
        return {
            table.name: [dict(row._mapping) for row in register.execute(table.select())]
            for table in schema.metadata.sorted_tables
            if table.name not in without
        }


def protect(both: Both, number: str = "A1234BC", action: str = "ADD", *people: str) -> None:
    """Named readers say it, the compartment takes it, and PAS's gateway its veil."""
    for person in people or (ONE, TWO):
        both.bench.send(both.word(number, action, person))
    both.apart.run()
    both.main.run()
