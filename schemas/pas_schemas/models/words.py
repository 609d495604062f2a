"""The closed word lists of a report and of what answers it."""

from __future__ import annotations

from typing import Final, Literal, get_args

Priority = Literal["ROUTINE", "URGENT", "THREAT_TO_LIFE"]
Purpose = Literal["PREVENTION_OF_CRIME", "PUBLIC_SAFETY", "PRISON_SECURITY"]
LegalBasis = Literal["POLICING_PURPOSE", "OMA_2007_S14", "OTHER"]
Role = Literal["SUBJECT", "ASSOCIATE"]
Standing = Literal["SUSPECT", "CONVICTED", "VICTIM", "WITNESS", "OTHER"]
RiskTag = Literal[
    "ESCAPE", "FIREARMS", "THREAT_TO_LIFE", "SELF_HARM", "VIOLENCE", "MOBILE_PHONE", "DRUGS", "OCG", "EXTREMISM", "DISORDER",
    "CORRUPTION", "HEALTH", "HARASSMENT", "ABSCOND",
]  # fmt: skip
Event = Literal["RECEIVED", "STATUS", "ABSENT", "RELEASED", "MERGED", "UNKNOWN"]
Receipt = Literal["DELIVERED", "CONDITIONS_ACCEPTED", "READ", "ACTIONED", "DECLINED"]
DeliveryKind = Literal["DISCLOSURE", "CONDITIONS", "WITHDRAWAL", "SUMMARY", "NOTICE"]
NoticeWord = Literal[
    "ACCEPTED", "REJECTED", "QUARANTINED", "REFUSED", "CODE_2_ASKED", "CONSENT_ASKED", "REGRADE_ASKED", "DECIDE", "READ",
    "OVERDUE", "EARLIER",
]  # fmt: skip
# What a person may do with a case, what RETURN asks, and what an originator answers.
Choice = Literal["RELEASE", "SANITISE", "REFUSE", "RETURN", "ACCEPT_SILENCE", "NOTE"]
Asked = Literal["REGRADE", "CODE_2", "CONSENT"]
ConsentChoice = Literal["GRANT", "REFUSE", "REGRADE"]
# What is asked of forces about a prisoner, and what they say to it.
RequestKind = Literal["PAS/2", "CAT_A", "PASO"]
RequestChoice = Literal["ANSWER", "REFUSE"]
AddressRole = Literal["pio", "security", "governor"]

PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
LEGAL_BASES: Final[tuple[LegalBasis, ...]] = get_args(LegalBasis)
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)
ASKED: Final[tuple[Asked, ...]] = get_args(Asked)
CONSENT_CHOICES: Final[tuple[ConsentChoice, ...]] = get_args(ConsentChoice)
# Notices by which an originator is asked to say something of an item.
ASKING: Final[tuple[NoticeWord, ...]] = ("CODE_2_ASKED", "CONSENT_ASKED", "REGRADE_ASKED")
# Deliveries that show an office something of a report; those that somebody must read, and that a withdrawal takes back.
SHOWN: Final[tuple[DeliveryKind, ...]] = ("DISCLOSURE", "CONDITIONS")
TO_READ: Final[tuple[DeliveryKind, ...]] = (*SHOWN, "SUMMARY")
REQUEST_KINDS: Final[tuple[RequestKind, ...]] = get_args(RequestKind)
RISK_TAGS: Final[tuple[str, ...]] = get_args(RiskTag)
EVENTS: Final[tuple[str, ...]] = get_args(Event)
ROLES_ADDRESSED: Final = frozenset(get_args(AddressRole))
