"""Whether an escort's summary may count: flags of the form's heads and advice, on a prisoner of the report, and no intelligence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from pas_gateway.docket import Docket
from pas_gateway.office import PasOffice
from pas_gateway.register.dockets import WAITING
from pas_gateway.signatures import RefusedStatementError
from pas_schemas.directory import PAS
from pas_schemas.models.decision import Summary
from pas_schemas.rulebook import Rulebook, screen

# So many words in a row are taken from a text, and not hit upon by chance.
WORDS_TAKEN = 5
_WORD: Final = re.compile(r"\w+")


def hear_summary(said: Summary, docket: Docket, office: PasOffice) -> None:
    """Raises RefusedStatementError unless it may count for this report as it stands."""
    if said.office != PAS:
        raise RefusedStatementError("OFFICE", "A person at PAS writes the summary for an escort.", "ask PAS for it")
    if docket.standing.kept.superseded:
        raise RefusedStatementError("DECIDED", "That report no longer stands.", "see `pas trace`")
    waiting = docket.case(PAS) is not None and docket.state(PAS) in WAITING
    if waiting and docket.view(PAS, office) != said.view:
        raise RefusedStatementError("VIEW", "The case has changed since that person saw it.", "look at it again, and then write")
    report = docket.standing.report
    if said.noms_number not in {one.noms_number for one in report.whom_it_is_on()}:
        raise RefusedStatementError("SUBJECT", "The report is not on that prisoner.", "name one of its subjects with --subject")
    estate = office.snapshot.at(said.at)
    escorts = [estate.get(one) for one in said.escorts]
    if not (said.escorts or said.custodian) or any(one is None or not one.active or one.kind != "escort" for one in escorts):
        raise RefusedStatementError(
            "RECIPIENT", "A summary is for active escort contractors, or for the receiving prison.", "name them with --for, or --custodian"
        )
    check_flags(said.flags, office.rulebook)
    if screen(said.advice, office.rulebook.patterns) or repeats(said.advice, (item.text for item in report.items)):
        raise RefusedStatementError(
            "TEXT", "The advice says what the report says, or what a gate guards.", "write advice, and no intelligence"
        )


def check_flags(flags: Sequence[str], rulebook: Rulebook) -> None:
    """Raises RefusedStatementError unless each is a head of the form."""
    if not rulebook.summary.flags.issuperset(flags) or len(set(flags)) != len(flags):
        raise RefusedStatementError("FLAGS", "A summary flags the heads of the form, each once.", "see summary in rulebook.toml")


def repeats(advice: str, texts: Iterable[str | None]) -> bool:
    """Whether some words of the advice stand in a row in one of these texts; of a shorter text all its words."""
    said = _words(advice)
    for text in texts:
        words = _words(text or "")
        length = min(WORDS_TAKEN, len(words))
        if length and not _runs(said, length).isdisjoint(_runs(words, length)):
            return True
    return False


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _runs(words: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}
