"""People at their desks: what the people of the example estate sign about cases, sent as their offices send it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.desk import Desk
from pas_consumers.cases import find_cases, list_questions
from pas_gateway.audit import Scribe
from pas_gateway.casebook import item_ref
from pas_gateway.docket import Docket, open_dockets
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.register import dockets, queries
from pas_gateway.review import list_cases
from pas_gateway.trace import trace
from pas_schemas.codec import decode
from pas_schemas.models.decision import Consent, Decision, RuledPair, Second
from pas_schemas.sealing import SigningKey
from pas_transport.example_people import PASSPHRASE
from pas_transport.sending import send_statement
from pas_transport.statements import sign_said
from pas_transport.workspace import Workspace

FIRST, OTHER, DUTY, HEAD = "example-reviewer-1", "example-reviewer-2", "example-duty", "example-head"


def person_key(workspace: Workspace, office: str, reference: str) -> SigningKey:
    """A person's own key, unlocked."""
    return workspace.keyring(office).person_key(reference, PASSPHRASE)


@dataclass
class Bench:
    """Cases of the reports of one desk, and the people who answer them."""

    desk: Desk

    @property
    def office(self) -> PasOffice:
        return PasOffice.of(self.desk.workspace)

    def docket(self, urn: str) -> Docket:
        scribe = Scribe(self.desk.workspace.clock.now(), "", 0)
        with self.desk.store.reading() as register:
            originator = next(row.originator for row in queries.find_attempts(register, urn, None) if row.originator)
            found = queries.find_decision(register, urn, originator)
            assert found is not None
            office = self.office
            return open_dockets(register, [found.id], Knowledge(office.names), office, scribe)[found.id]

    def case(self, urn: str, owner: str = "pas") -> str:
        return next(row.id for row in self.docket(urn).rows.values() if row.owner == owner)

    def decision(self, urn: str, choice: str = "RELEASE", *, owner: str = "pas", office: str | None = None, **said: Any) -> Decision:
        """A decision on what waits in a case, by the first person who may; of the pairs those of one office, if it is named."""
        docket, person = self.docket(urn), said.pop("person", FIRST if owner == "pas" else f"example-{owner.replace(':', '-').lower()}-1")
        case = docket.case(owner)
        assert case is not None
        held: dict[tuple[int, str], list[str]] = {}
        for pair in case.held:
            if office in (None, pair.office) and said.get("item", pair.item) == pair.item:
                held.setdefault((pair.item, pair.office), []).append(pair.rule)
        said.pop("item", None)
        key = self.office.register_id_key
        pairs = tuple(
            RuledPair(item=item_ref(key, docket.id, owner, item), office=to, rules=tuple(rules)) for (item, to), rules in held.items()
        )
        post = self.desk.snapshot.by_reference[person].appointments[-1].post if person in self.desk.snapshot.by_reference else "reviewer"
        given = {
            "case": self.case(urn, owner), "view": docket.view(owner, self.office), "office": owner, "person": person, "post": post,
            "choice": choice, "pairs": () if choice in ("NOTE", "ACCEPT_SILENCE") else pairs, "reason": "It is necessary.",
            "legal_basis": "POLICING_PURPOSE", "at": self.desk.workspace.clock.now(),
        }  # fmt: skip
        return Decision.model_validate(given | said)

    def agree(self, statement: bytes, person: str = OTHER, owner: str = "pas", **said: Any) -> Second:
        post = self.desk.snapshot.by_reference[person].appointments[-1].post
        given = {
            "statement": statement,
            "office": owner,
            "person": person,
            "post": post,
            "reason": "I agree.",
            "at": self.desk.workspace.clock.now(),
        }
        return Second.model_validate(given | said)

    def send(self, said: Decision | Second | Consent, *, key_of: str | None = None) -> bytes:
        """Signed with the key of whoever it names, or of another, and sent; its digest."""
        key = person_key(self.desk.workspace, said.office, key_of or said.person)
        return send_statement(self.desk.workspace, said.office, sign_said(key, said))

    def two(self, urn: str, choice: str = "RELEASE", *, owner: str = "pas", **said: Any) -> None:
        """A decision of two people, taken by the gateway."""
        digest = self.send(self.decision(urn, choice, owner=owner, **said))
        self.desk.run()
        other = OTHER if owner == "pas" else f"example-{owner.replace(':', '-').lower()}-2"
        self.send(self.agree(digest, other, owner))
        self.desk.run()

    def consent(self, office: str, choice: str = "GRANT", *, person: str | None = None, **said: Any) -> Consent:
        """The originator's answer to the last thing it was asked."""
        asked = list_questions(self.desk.workspace, office)[-1]
        person = person or f"example-{office.replace(':', '-').lower()}-1"
        given = {
            "delivery": asked.delivery.id, "item": asked.notice.ref, "recipient": None if choice == "REGRADE" else asked.notice.office,
            "office": office, "person": person, "post": self.desk.snapshot.by_reference[person].appointments[-1].post, "choice": choice,
            "reason": "Agreed.", "legal_basis": "POLICING_PURPOSE", "at": self.desk.workspace.clock.now(),
        }  # fmt: skip
        return Consent.model_validate(given | said)

    def outcome(self, urn: str, office: str, item: int = 0) -> tuple[str, str]:
        """Verdict and rule of a pair, as trace has them."""
        answer = trace(self.desk.store, self.office.register_key, urn)
        pairs = next(row["items"] for row in answer["outcomes"] if row["office"] == office)
        return next((pair["verdict"], pair["rule"]) for pair in pairs if pair["item"] == item)

    def state(self, urn: str, owner: str = "pas") -> str:
        return next(row.state for row in self.docket(urn).rows.values() if row.owner == owner)

    def listed(self, *, only_open: bool = True) -> list[dict[str, Any]]:
        return list_cases(self.desk.store, self.office.register_key, only_open=only_open)

    def own_cases(self, office: str) -> list[Any]:
        return [case for case in find_cases(self.desk.workspace, office) if case.open]

    def events(self) -> list[tuple[str, list[str]]]:
        """Every audit event about decisions, with its words."""
        from pas_gateway.register import schema, split_blobs

        with self.desk.store.reading() as register:
            rows = register.execute(schema.leaves.select().order_by(schema.leaves.c.number)).all()
        found = [decode(event[16:], "audit_event").datum for row in rows for event in split_blobs(row.events)]
        wanted = {"DECISION", "SECOND", "CONSENT", "DECISION_REFUSED", "SILENCE_ENDED", "CONSULTED"}
        return [(event["event"], event["rules"]) for event in found if event["event"] in wanted]

    def stored(self, urn: str) -> int:
        docket = self.docket(urn)
        with self.desk.store.reading() as register:
            return len(dockets.find_statements(register, [docket.id]).get(docket.id, ()))
