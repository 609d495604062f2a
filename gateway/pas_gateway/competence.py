"""Who may decide what: roles, and those who must not because of where they come from or what they wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pas_gateway.office import PasOffice
from pas_gateway.policy.gates import staff_concern
from pas_gateway.signatures import RefusedStatementError, Signed
from pas_schemas.directory import PAS
from pas_schemas.identifiers import urn_code
from pas_schemas.models.decision import Consent, Decision, Summary
from pas_schemas.models.report import Report

CREATOR: Final = ("CREATOR", "Whoever authorised a risk assessment does not decide on it.", "somebody else must")


def find_objection(
    signed: Signed, report: Report, offices: Iterable[str], office: PasOffice, held_in: Iterable[str] = ()
) -> RefusedStatementError | None:
    """Why this person may say nothing about this report; None where nothing stands against it. `offices` are those it is about.

    `held_in` are prisons that hold a subject; asked when it is said, for what was rightly said counts though he is moved.
    """
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
    concerned = _concerned(signed, report, offices, office).union(held_in) if said.office == PAS and signed.who.recused else frozenset()
    if not concerned.isdisjoint(signed.who.recused):
        return RefusedStatementError("RECUSED", "That person comes from the force or prison concerned.", "somebody else must decide")
    assessed = report.handling.risk_assessment
    if assessed is not None and assessed.authorised_by == said.person:
        return RefusedStatementError(*CREATOR)
    return None


def _concerned(signed: Signed, report: Report, offices: Iterable[str], office: PasOffice) -> frozenset[str]:
    """The originating force, agency or prison, the prisons whose staff it concerns, and those of the offices it is about, as they stood
    when it was said."""
    estate = office.snapshot.at(signed.said.at)
    author, staff = estate.get(report.originator), staff_concern(report, office.rulebook)
    codes = {author.prison, author.force if author.police_side else None, urn_code(author.id)} if author else set()
    if staff is not None:
        codes |= estate.prisons if staff.prisons is None else staff.prisons
    codes |= {standing.prison for one in offices if (standing := estate.get(one)) is not None}
    return frozenset(code for code in codes if code is not None)
