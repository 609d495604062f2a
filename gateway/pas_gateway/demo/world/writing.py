"""Writes sound reports as forces, prisons and agencies would: by theme, with grades, addressees and the papers each code needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from pas_gateway.demo.world.people import Population, Prisoner
from pas_gateway.demo.world.themes import DAYS, GIVING_AWAY, OPERATIONAL, SANITISED, THEMES, WINGS, Theme
from pas_schemas.clock import show_time
from pas_schemas.directory import Estate
from pas_schemas.identifiers import urn_code
from pas_schemas.models.words import PURPOSES

Row = dict[str, Any]

# Above any number that a story's URNs hold.
FIRST_SERIAL = 500_001
_RISK_ASSESSED = frozenset("235")
DAY = timedelta(days=1)


class Writer:
    """Writes one report after another on the people of a population; every one passes border and validation at `now`."""

    def __init__(self, rng: Random, population: Population, now: datetime, estate: Estate) -> None:
        self._rng = rng
        self._population = population
        self._now = now
        self._estate = estate
        self._serial = FIRST_SERIAL
        self._forces = sorted(office for office in estate.offices if office.startswith("force:"))
        self._agencies = sorted(office for office in estate.offices if office.startswith("lea:")) or self._forces

    def write(self) -> Row:
        """A report as a person writes it."""
        rng = self._rng
        theme = rng.choices(THEMES, [theme.weight for theme in THEMES])[0]
        people = self._population.choose(rng.choices((1, 2, 3), (80, 15, 5))[0])
        # Of somebody who is nowhere, some prison has heard; it is none that holds him.
        prison = people[0].prison or rng.choice(self._population.prisons)
        originator = self._originator(theme, prison)
        items = self._items(theme, originator)
        report = self._header(theme, originator)
        report["subjects"] = [self._subject(person, first=person is people[0]) for person in people]
        report["items"] = items
        report["addressees"] = self._addressees(theme, prison, originator)
        report["handling"] = self._handling(items, originator)
        report["declarations"] = self._declarations(theme, prison)
        self._name_readers(report, prison)
        return report

    def _one_in(self, chances: float) -> bool:
        return self._rng.random() * chances < 1

    def _text(self, texts: tuple[str, ...]) -> str:
        rng = self._rng
        return rng.choice(texts).format(wing=rng.choice(WINGS), day=rng.choice(DAYS))

    def _originator(self, theme: Theme, prison: str) -> str:
        """The force of the area or another, an agency, or the prison's own people."""
        rng = self._rng
        side = rng.choice(("police", "prison")) if theme.side == "either" else theme.side
        conduit = self._estate.conduit(prison)
        if side == "prison":
            return rng.choices((f"security:{prison}", f"governor:{prison}", conduit or f"security:{prison}"), (80, 5, 15))[0]
        standing = self._estate.get(f"security:{prison}")
        area = standing.force if standing is not None else None
        home = f"force:{area}" if f"force:{area}" in self._estate.offices else rng.choice(self._forces)
        return rng.choices((home, rng.choice(self._forces), rng.choice(self._agencies), "cat-a-team"), (60, 28, 10, 2))[0]

    def _header(self, theme: Theme, originator: str) -> Row:
        rng = self._rng
        written = self._now - rng.uniform(0.02, 9) * DAY
        kind = "SIR" if originator.startswith(("security:", "governor:", "cat-a-team")) else "IR"
        self._serial += 1
        tags = [*theme.tags, *([rng.choice(("MOBILE_PHONE", "DRUGS", "VIOLENCE", "OCG"))] if self._one_in(6) else [])]
        group = 1 if theme.priority != "ROUTINE" else rng.choice((2, 2, 3))
        return {
            "urn": f"{urn_code(originator)}/{kind}/{written.year}/{self._serial:06}",
            "originator": originator,
            "created_at": show_time(written.replace(microsecond=0)),
            "protective_marking": rng.choices(("RESTRICTED", "OFFICIAL-SENSITIVE", "PROTECT", "CONFIDENTIAL"), (60, 30, 7, 3))[0],
            "priority": theme.priority,
            "purpose": rng.choice(PURPOSES),
            "legal_basis": "OMA_2007_S14" if kind == "SIR" else "POLICING_PURPOSE",
            "operation": f"Operation {rng.choice(('Larch', 'Plover', 'Cairn', 'Ember'))}" if self._one_in(8) else None,
            "risk_tags": list(dict.fromkeys(tags)),
            "mopi": {"group": group, "review_by": (self._now + rng.randint(300, 2000) * DAY).date().isoformat()},
            "gist": "Information suggests a risk to the safety of the wing." if self._one_in(12) else None,
            "supersedes": None,
        }

    def _subject(self, person: Prisoner, *, first: bool) -> Row:
        role = "SUBJECT" if first or self._one_in(2) else "ASSOCIATE"
        return {
            "role": role,
            "standing": "CONVICTED" if person.prison else "SUSPECT",
            "noms_number": person.number,
            "pnc_id": person.pnc,
            "family_name": person.family,
            "given_names": person.given,
            "date_of_birth": person.born,
        }

    def _items(self, theme: Theme, originator: str) -> list[Row]:
        rng = self._rng
        code = rng.choices("1235", (76, 12, 3, 9))[0]
        texts = GIVING_AWAY if self._one_in(45) else theme.texts
        items = [self._item(self._text(texts), code)]
        if self._one_in(5):
            items.append(self._item(self._text(theme.texts), "1"))
        if self._one_in(9) and self._internal(originator):
            items.append(self._item(self._text(OPERATIONAL), "4"))
        elif code == "5" and self._one_in(3):
            items.append(self._item(self._text(SANITISED), "1", sanitises=0))
        return items

    def _item(self, text: str, code: str, sanitises: int | None = None) -> Row:
        rng = self._rng
        source, intelligence = rng.choices(("B2", "B3", "C2", "C3", "C4", "A1", "E4", "D4"), (26, 18, 18, 12, 12, 4, 8, 2))[0]
        return {
            "text": text,
            "source": source,
            "intelligence": intelligence,
            "handling": code,
            "source_reference": f"ISR-{rng.randint(1, 9999):04}",
            "corroboration": rng.choice(("A second log of the same week", "Custody record", "PIN account record"))
            if intelligence == "3"
            else None,
            "sanitises": sanitises,
            "subjects": None,
            "addressees": None,
        }

    def _internal(self, originator: str) -> list[str]:
        """Who inside the originating agency may have a code 4 item: its bureau, or the prison's other office."""
        own = self._estate.own(originator)
        return sorted(office for office in own if office.startswith(("fib:", "security:", "governor:")))

    def _handling(self, items: list[Row], originator: str) -> Row:
        rng, codes = self._rng, {item["handling"] for item in items}
        closed, ahead = "4" in codes, (self._now + rng.randint(20, 90) * DAY).date().isoformat()
        risk = {
            "summary": "Disclosure is necessary and the source is not put at risk by it.",
            "authorised_by": f"{originator}/D-INSP-{rng.randint(1, 9):02}",
            "authorised_at": show_time((self._now - rng.uniform(9, 12) * DAY).replace(microsecond=0)),
        }
        return {
            "conditions": "Not to be put to the subject. No action without the originator." if "5" in codes else None,
            "reasons": "Live operation" if closed else None,
            "internal_recipients": rng.sample(self._internal(originator), 1) if closed else [],
            "review_by": ahead if closed else None,
            "risk_assessment": risk if codes & _RISK_ASSESSED else None,
        }

    def _declarations(self, theme: Theme, prison: str) -> Row:
        rng = self._rng
        visor, staff = self._one_in(25), theme.tags == ("CORRUPTION",) and self._one_in(2)
        intercept = {
            "authorisation": f"PIN-{rng.randint(1, 999):03}",
            "expires_at": show_time((self._now + 30 * DAY).replace(microsecond=0)),
        }
        return {
            "visor_derived": visor,
            "visor_permission": f"VP-{rng.randint(1, 99):02}" if visor and self._one_in(2) else None,
            "privileged": False,
            "warranted_intercept": False,
            "prison_intercept": intercept if self._one_in(40) else None,
            "concerns_staff": [prison] if staff else [],
            "protected_assisting_offender": False,
            "terrorism": "EXTREMISM" in theme.tags and self._one_in(2),
            "do_not_share_with_offender": True,
        }

    def _addressees(self, theme: Theme, prison: str, originator: str) -> list[str]:
        """Roles mostly, now and then an office by id, seldom one that the directory does not know."""
        rng = self._rng
        chosen = ["pio"] if self._one_in(1.2) else []
        if not originator.startswith(("security:", "governor:")):
            chosen += ["security"] if self._one_in(1.3) else []
            chosen += ["governor"] if self._one_in(4) else []
        elif self._one_in(2):
            standing = self._estate.get(f"security:{prison}")
            chosen += [f"force:{standing.force}"] if standing is not None and standing.force else []
        if "ESCAPE" in theme.tags or self._one_in(18):
            chosen.append("cat-a-team")
        if self._one_in(9):
            chosen.append(rng.choice(("lea:88", "lea:91", "lea:93")))
        if self._one_in(16):
            chosen.append(f"security:{rng.choice(self._population.prisons)}")
        if self._one_in(60):
            chosen.append("escort:northern")
        return list(dict.fromkeys(chosen)) or ["pio"]

    def _name_readers(self, report: Row, prison: str) -> None:
        """Code 5 names its readers for itself wherever other codes stand beside it."""
        if len({item["handling"] for item in report["items"]}) > 1:
            for item in report["items"]:
                if item["handling"] == "5":
                    item["addressees"] = self._rng.choice((["security"], ["pio"], [f"security:{prison}"]))
