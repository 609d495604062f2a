"""Writes random reports, realistic and adversarial, that pass validation."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from policy.oracle_facts import Estate, Row
from policy.reports_estate import make_estate_variants
from policy.reports_people import SPAN_DAYS, Face, Prisons, now_moment, pnc_id, write_time

TAGS = ["SELF_HARM", "VIOLENCE", "MOBILE_PHONE", "DRUGS", "OCG", "DISORDER", "HEALTH", "HARASSMENT", "ABSCOND"]
SENIOR_TAGS = ["ESCAPE", "FIREARMS", "THREAT_TO_LIFE"]
PLAIN = [
    "The subject is believed to have the use of a mobile telephone on the wing.",
    "Associates of the subject are trying to obtain firearms.",
    "The subject continues to direct drug supply through visits.",
    "A named group intends to assault the subject before the weekend.",
    "The subject speaks well of the education department and its resources.",
    "The RIPA training on the wing was cancelled; the open source is public.",
    "He was told about the visit; listeners are available on the wing.",
    "A tap was left running in the kitchen and the line to the servery was long.",
]
SUSPECT = {
    "G-SOURCE": [
        "This comes from a CHIS on the wing.",
        "A covert human intelligence source was tasked.",
        "Our informant saw the parcel.",
        "an informer gave the number",
        "The source works in the kitchen.",
        "THE SOURCE HEARD the plan.",
        "His cell mate said so.",
        "The wing cleaner, who is reliable, told staff.",
        "I was told by a man.  He reported to the officer by letter: told me by phone.",
        "Only he knew of it.",
        "Only one other prisoner could know this.",
    ],
    "G-WARRANT": [
        "Material from lawful interception.",
        "It is targeted intercept product.",
        "A section 8(1) warrant is held.",
        "An IPA warrant shows it.",
        "From the telephone intercept.",
        "The EMAIL TAP gave it.",
    ],
    "G-PRIVILEGE": [
        "He spoke at length with his solicitor.",
        "The call was to counsel.",
        "legal advice from a barrister",
        "A letter to his MP.",
        "He wrote to the Samaritans.",
        "A Rule 39 letter was opened.",
        "The note is Privileged.",
    ],
}
MARKINGS = ["NOT PROTECTIVELY MARKED", "PROTECT", "RESTRICTED", "RESTRICTED", "OFFICIAL", "OFFICIAL-SENSITIVE"]
FURTHER = ["escort:gfs", "escort:old", "probation:london", "probation:old", "inspector:hmip", "lea:67"]
STRANGERS = ["force:99", "security:ZZZ", "governor:QQI", "lea:12", "escort:nobody", "feed:nomis", "feed:nomis", "inspector:none", "pio:HVI"]


class Writer:
    """Writes one random report after another."""

    def __init__(self, rng: Random, prisons: Prisons, now: str, n: int) -> None:
        self.rng, self.prisons, self.now, self.n = rng, prisons, now_moment(now), n
        self.estate = Estate(make_estate_variants(), self.now)
        self.serial = 0

    def one_in(self, chances: float) -> bool:
        return self.rng.random() * chances < 1

    def write(self) -> Row:
        rng = self.rng
        self.serial += 1
        theme = rng.choices(["plain", "sanitised", "paso", "five", "four", "outside"], [60, 9, 6, 9, 9, 7])[0]
        faces = rng.sample(self.prisons.crowd, rng.choices([0, 1, 2, 3], [2, 74, 18, 6])[0])
        subjects = [self.subject(face) for face in faces]
        for subject in subjects[1:]:
            if self.one_in(2.5):
                subject["role"] = "ASSOCIATE"
        originator = self.originator(faces)
        items = self.items(theme, subjects, faces, originator)
        report: Row = {
            "urn": f"{self.code(originator)}/IR/2015/{self.serial:06}",
            "originator": originator,
            "created_at": self.created(),
            "protective_marking": "CONFIDENTIAL" if self.one_in(50) else rng.choice(MARKINGS),
            "priority": rng.choices(["ROUTINE", "URGENT", "THREAT_TO_LIFE"], [80, 14, 6])[0],
            "purpose": rng.choice(["PREVENTION_OF_CRIME", "PUBLIC_SAFETY", "PRISON_SECURITY"]),
            "legal_basis": rng.choice(["POLICING_PURPOSE", "OMA_2007_S14", "OTHER"]),
            "operation": None,
            "subjects": subjects,
            "items": items,
            "handling": self.handling(items, originator),
            "declarations": self.declarations(theme),
            "risk_tags": self.tags(),
            "addressees": self.addressees(faces, originator),
            "mopi": {"group": rng.randint(1, 4), "review_by": "2016-11-13"},
            "gist": None,
            "supersedes": None,
        }
        self.complete_fives(report, faces, originator)
        self.leave_out_some(report)
        return report

    def created(self) -> str:
        if self.one_in(200):
            return write_time(self.now + timedelta(minutes=self.rng.choice([0, 14, 15])))
        return write_time(self.now - timedelta(days=SPAN_DAYS * (1 - self.serial / (self.n + 1))))

    def code(self, originator: str) -> str:
        return (originator.partition(":")[2] or originator).upper()

    def subject(self, face: Face) -> Row:
        rng = self.rng
        noms: str | None = face.written_number(rng)
        pnc: str | None = face.pnc
        fate = rng.choices(
            ["fine", "no pnc", "bad pnc", "no number", "nothing", "bad and no number", "malformed", "stranger"], [80, 6, 5, 3, 1, 2, 2, 2]
        )[0]
        if fate in ("no pnc", "nothing"):
            pnc = None
        if fate in ("bad pnc", "bad and no number"):
            pnc = (
                pnc_id(rng, passes=False) if self.one_in(1.5) else rng.choice(["2001/77310X", "garbage", face.pnc.lower(), face.pnc + " "])
            )
        if fate in ("no number", "nothing", "bad and no number"):
            noms = None
        if fate == "malformed":
            noms = rng.choice([face.noms.lower(), face.noms + "X", " " + face.noms, "A12345B", "1234567"])
        if fate == "stranger":
            noms = self.prisons.number()
        subject: Row = {
            "role": "SUBJECT",
            "standing": rng.choice(["SUSPECT", "CONVICTED", "CONVICTED", "VICTIM", "WITNESS", "OTHER"]),
            "noms_number": noms,
            "pnc_id": pnc,
            "family_name": "Ash",
            "given_names": "Rowan",
            "date_of_birth": "1988-02-03",
        }
        if self.one_in(20):
            subject["role"] = "ASSOCIATE"
        if self.one_in(10):
            del subject["given_names"]
        return subject

    def originator(self, faces: list[Face]) -> str:
        rng = self.rng
        prison = faces[0].prison if faces and self.one_in(1.5) else self.prisons.any_prison()
        kind = rng.choices(
            ["force", "fib", "pio", "security", "governor", "cat-a-team", "paso-unit", "lea", "pas"], [38, 9, 11, 14, 7, 5, 4, 7, 5]
        )[0]
        office = {
            "security": f"security:{prison}",
            "governor": f"governor:{prison}",
            "pio": f"pio:{prison}",
            "lea": f"lea:{rng.choice(['88', '91', '93'])}",
        }.get(kind, kind)
        if kind in ("force", "fib"):
            office = f"{kind}:{self.estate.area_force(prison)}"
        return office if self.estate.active(office) else f"force:{self.estate.area_force(prison)}"

    def items(self, theme: str, subjects: list[Row], faces: list[Face], originator: str) -> list[Row]:
        rng = self.rng
        size = rng.choices([1, 2, 3, 4], [50, 28, 16, 6])[0] + (theme == "sanitised")
        weights = {"five": [2, 1, 1, 1, 12], "four": [2, 1, 1, 12, 1], "paso": [2, 2, 2, 2, 5]}.get(theme, [40, 22, 16, 6, 6])
        items = [self.item(rng.choices("12345", weights)[0], subjects) for _ in range(size)]
        if theme == "sanitised":
            self.link(items)
        if self.one_in(8):
            rng.choice(items)["addressees"] = self.addressees(faces, originator) if self.one_in(1.1) else []
        if self.one_in(22):
            rng.choice(items)["text"] = rng.choice(SUSPECT[rng.choice(sorted(SUSPECT))])
        return items

    def item(self, code: str, subjects: list[Row]) -> Row:
        rng = self.rng
        source, intelligence = rng.choice("ABCDE"), rng.choice("12345")
        if source + intelligence == "E1":
            source = "D"
        item: Row = {
            "text": rng.choice(PLAIN),
            "source": source,
            "intelligence": intelligence,
            "handling": code,
            "source_reference": "ISR-1",
            "corroboration": "Two accounts" if intelligence == "3" else None,
            "sanitises": None,
            "subjects": None,
            "addressees": None,
        }
        if subjects and self.one_in(7):
            item["subjects"] = rng.sample(range(len(subjects)), rng.randint(0 if self.one_in(4) else 1, len(subjects)))
        return item

    def link(self, items: list[Row]) -> None:
        """A chain: each item may be the sanitised wording of one before it; then the order is shuffled, links and all."""
        fuller: list[int | None] = [None, *(self.rng.randrange(i) if self.one_in(1.2) else None for i in range(1, len(items)))]
        order = self.rng.sample(range(len(items)), len(items))
        shuffled = [items[i] for i in order]
        for place, i in enumerate(order):
            target = fuller[i]
            shuffled[place]["sanitises"] = None if target is None else order.index(target)
        items[:] = shuffled

    def handling(self, items: list[Row], originator: str) -> Row:
        rng, codes = self.rng, {item["handling"] for item in items}
        handling: Row = {"conditions": None, "reasons": None, "internal_recipients": [], "review_by": None, "risk_assessment": None}
        if "4" in codes or self.one_in(50):
            own = sorted(self.estate.own_offices(originator))
            if len(own) > 6:
                own = [originator, *rng.sample(own, 3), *(office for office in own if office.startswith("fib:"))]
            ahead = [self.now + timedelta(days=d, seconds=s) for d, s in ((1, 0), (30, 0), (0, 1))]
            review = [write_time(moment) for moment in ahead] + ["2015-11-19", "2015-12-12"]
            handling |= {
                "reasons": "Live operation",
                "internal_recipients": rng.sample(own, rng.randint(1, len(own))),
                "review_by": rng.choice(review),
            }
        if "5" in codes or self.one_in(50):
            handling["conditions"] = "No action without the originator"
        if codes & {"2", "3", "5"} or self.one_in(30):
            when = rng.choice([self.now, self.now - timedelta(days=3), self.now - timedelta(days=500)])
            handling["risk_assessment"] = {"summary": "Necessary.", "authorised_by": "D-INSP-01", "authorised_at": write_time(when)}
        return handling

    def declarations(self, theme: str) -> Row:
        rng = self.rng
        visor, staff, pin = self.one_in(18), self.one_in(22), self.one_in(40)
        ends = [write_time(self.now + timedelta(seconds=1)), "2015-11-19", "2016-02-01T00:00:00Z"]
        return {
            "visor_derived": visor,
            "visor_permission": rng.choice([None, "", "VP-1", "VP-2"]) if visor or self.one_in(40) else None,
            "privileged": False,
            "warranted_intercept": False,
            "prison_intercept": {"authorisation": "PIN-7", "expires_at": rng.choice(ends)} if pin else None,
            "concerns_staff": rng.sample([*sorted({face.prison for face in self.prisons.crowd[:5]}), "WSI", "DGI", "UNKNOWN"], 2)
            if staff
            else [],
            "protected_assisting_offender": theme == "paso",
            "terrorism": self.one_in(50),
            "do_not_share_with_offender": self.one_in(2),
        }

    def tags(self) -> list[str]:
        rng = self.rng
        tags = rng.sample(TAGS, rng.randint(0, 2))
        if self.one_in(6):
            tags += rng.sample(SENIOR_TAGS, rng.choice([1, 1, 2]))
        if self.one_in(50):
            tags.append("EXTREMISM")
        if self.one_in(50):
            tags.append("CORRUPTION")
        return tags

    def addressees(self, faces: list[Face], originator: str) -> list[str]:
        rng = self.rng
        chosen = [role for role, chance in (("pio", 2), ("security", 2), ("governor", 4)) if self.one_in(chance)]
        home = [face.prison for face in faces] or [self.prisons.any_prison()]
        for _ in range(rng.choices([0, 1, 2, 3], [30, 35, 25, 10])[0]):
            prison = rng.choice(home) if self.one_in(1.6) else self.prisons.any_prison()
            area, prison_office = self.estate.area_force(prison), rng.choice(["security", "governor", "pio"])
            chosen.append(
                rng.choices(
                    [
                        f"{prison_office}:{prison}",
                        f"force:{area}",
                        f"fib:{area}",
                        "cat-a-team",
                        "paso-unit",
                        f"lea:{rng.choice(['88', '91', '93'])}",
                        "pas",
                        originator,
                        rng.choice(FURTHER),
                        rng.choice(STRANGERS),
                        rng.choice(sorted(self.estate.own_offices(originator))),
                    ],
                    [28, 6, 5, 8, 4, 9, 4, 6, 11, 4, 6],
                )[0]
            )
        return sorted(sorted(set(chosen)), key=lambda office: rng.random()) if self.one_in(1.2) else chosen

    def complete_fives(self, report: Row, faces: list[Face], originator: str) -> None:
        """Give code 5 items the addressees they need, their own ones where codes are mixed."""
        mixed = len({item["handling"] for item in report["items"]}) > 1
        for item in report["items"]:
            named = item["addressees"] if item["addressees"] is not None else report["addressees"]
            if item["handling"] != "5" or (named and not (mixed and item["addressees"] is None)):
                continue
            item["addressees"] = self.addressees(faces, originator) or ["security"]
            if report["declarations"]["protected_assisting_offender"] and self.one_in(2):
                item["addressees"].append("paso-unit")

    def leave_out_some(self, report: Row) -> None:
        """Fields that may be absent are, at times; null and absent mean the same."""
        if not self.one_in(12):
            return
        for name in ("operation", "gist", "supersedes"):
            if report[name] is None and self.one_in(2):
                del report[name]
        for item in report["items"]:
            for name in ("corroboration", "sanitises", "subjects", "addressees"):
                if item[name] is None and self.one_in(2):
                    del item[name]
