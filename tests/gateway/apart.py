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
from pas_gateway.register import schema
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
