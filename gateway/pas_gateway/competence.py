"""Who may decide what: roles, and those who must not because of where they come from or what they wrote."""

from __future__ import annotations

from collections.abc import Iterable

from pas_gateway.office import PAS, PasOffice
from pas_gateway.signatures import RefusedStatementError, Signed
from pas_schemas.models.decision import Consent, Decision, Summary
from pas_schemas.models.report import Report


def find_objection(signed: Signed, report: Report, offices: Iterable[str], office: PasOffice) -> RefusedStatementError | None:
    """Why this person may say nothing about this report; None where nothing stands against it. `offices` are those it is about."""
    said, deciding = signed.said, office.rulebook.deciding
    allowed = (
        deciding.consent if isinstance(said, Consent) else deciding.decide if isinstance(said, Decision | Summary) else deciding.second
    )
    if allowed.isdisjoint(signed.who.roles):
        return RefusedStatementError("ROLE", "That person does not have the role for this.", "`pas directory people` shows who has")
    if office.realm.apart and "compartment" not in signed.who.roles:
        return RefusedStatementError("ROLE", "Only a named reader of the compartment decides there.", "see `pas directory people`")
    if isinstance(said, Consent) and said.office != report.originator:
        return RefusedStatementError("ORIGINATOR", "Only the originator of a report can consent for it.", "ask it")
    if said.office == PAS and signed.who.recused and not _concerned(signed, report, offices, office).isdisjoint(signed.who.recused):
        return RefusedStatementError("RECUSED", "That person comes from the force or prison concerned.", "somebody else must decide")
    assessed = report.handling.risk_assessment
    if assessed is not None and assessed.authorised_by == said.person:
        return RefusedStatementError("CREATOR", "Whoever authorised a risk assessment does not decide on it.", "somebody else must")
    return None


def _concerned(signed: Signed, report: Report, offices: Iterable[str], office: PasOffice) -> frozenset[str]:
    """The originating force and prison, and the prisons of the offices it is about, as they stood when it was said."""
    estate = office.snapshot.at(signed.said.at)
    author = estate.get(report.originator)
    codes = {author.prison, author.force if author.kind in {"force", "fib", "pio"} else None} if author else set()
    codes |= {standing.prison for one in offices if (standing := estate.get(one)) is not None}
    return frozenset(code for code in codes if code is not None)
