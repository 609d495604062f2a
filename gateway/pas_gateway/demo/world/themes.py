"""What reports are about: texts of the kind that officers write, with their risk tags, and how often each comes up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Side = Literal["police", "prison", "either"]


@dataclass(frozen=True, slots=True)
class Theme:
    """One kind of intelligence: who writes it, how often, its tags, and texts in which `{wing}` and `{day}` are filled in."""

    weight: int
    side: Side
    tags: tuple[str, ...]
    texts: tuple[str, ...] = field(repr=False)
    priority: str = "ROUTINE"


THEMES: tuple[Theme, ...] = (
    Theme(20, "either", ("DRUGS",), (
        "The subject arranges for spice-soaked paper to be posted in under a false return address.",
        "A visitor of the subject is expected to carry a package on {day}.",
        "The subject holds the wing's supply in {wing} and pays others to store it.",
        "Parcels are to be thrown over the wall near {wing} before unlock on {day}.",
    )),
    Theme(14, "prison", ("MOBILE_PHONE",), (
        "The subject was seen with a small handset on {wing}; a search found only a charger.",
        "Calls are made at night from a phone that is passed between cells on {wing}.",
        "The subject offers minutes on a phone for canteen goods.",
    )),
    Theme(12, "either", ("VIOLENCE",), (
        "The subject owes money on {wing} and has asked to be moved.",
        "An assault on the subject is planned for {day} over an unpaid debt.",
        "A bladed article is hidden in the showers of {wing}.",
    )),
    Theme(9, "police", ("OCG",), (
        "The subject continues to direct a county lines group through a relative.",
        "Members of a rival group have been told where the subject is held.",
        "Money from the group reaches the subject through three accounts in other names.",
    )),
    Theme(6, "police", ("ESCAPE",), (
        "Associates have asked about the route taken to court on {day}.",
        "The subject has been asking when escorts leave and how many staff travel.",
    ), "URGENT"),
    Theme(4, "police", ("FIREARMS", "OCG"), (
        "An associate of the subject is trying to obtain a handgun.",
        "A firearm linked to the subject's group was moved to a new address on {day}.",
    ), "URGENT"),
    Theme(4, "police", ("THREAT_TO_LIFE",), (
        "A named group has offered money for a serious attack on the subject before {day}.",
        "The subject has said in company that he will kill a witness on his release.",
    ), "THREAT_TO_LIFE"),
    Theme(6, "prison", ("SELF_HARM",), (
        "The subject has given away his belongings and stopped taking calls from home.",
        "The subject said on {day} that nobody would miss him.",
    ), "URGENT"),
    Theme(4, "either", ("EXTREMISM",), (
        "The subject presses others on {wing} to change their diet and their company.",
        "Literature found in the subject's cell was sent to be translated.",
    )),
    Theme(5, "prison", ("DISORDER",), (
        "A passive demonstration is talked of on {wing} for {day}.",
        "The subject tells others to refuse to lock up on {day}.",
    )),
    Theme(3, "either", ("CORRUPTION",), (
        "A member of staff is said to bring in tobacco for the subject.",
    )),
    Theme(4, "police", ("HARASSMENT",), (
        "The subject has letters sent to a former partner through a third person.",
    )),
    Theme(3, "either", ("HEALTH",), (
        "The subject hides that he no longer takes his medication.",
    )),
    Theme(3, "police", ("ABSCOND",), (
        "The subject does not mean to return from his release on temporary licence on {day}.",
    )),
    Theme(3, "either", (), (
        "The subject has changed the people he associates with since {day}.",
        "The subject's brother has moved to an address near the establishment.",
    )),
)  # fmt: skip

# Texts that a person must see first: they hint at a source, at privilege or at an intercept.
GIVING_AWAY = (
    "Our informant on {wing} saw the handset in the subject's cell.",
    "The subject wrote a letter to his solicitor about the same matter.",
    "A telephone intercept is thought to lie behind the rumour.",
)
# A second line of a report that stays with the originating agency.
OPERATIONAL = (
    "An associate's address is under observation until {day}.",
    "A warrant for the storage unit will be executed on {day}.",
    "The vehicle used has been fitted with a tracker.",
)
SANITISED = ("There is a credible risk to good order on {wing}.", "Extra care is advised with the subject's post and visits.")
WINGS = ("A wing", "B wing", "C wing", "D wing", "the kitchen", "the workshops", "the induction unit")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
