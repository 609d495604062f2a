"""What an office may answer to which delivery, and when (domain, *Certainty of receipt*)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pas_consumers.delivery import State
from pas_consumers.errors import WrongStateError
from pas_consumers.records import Held
from pas_schemas.models.reply import ANSWERS
from pas_schemas.models.words import Receipt

_STATES: Final[Mapping[Receipt, frozenset[State]]] = {
    "CONDITIONS_ACCEPTED": frozenset({"DELIVERED"}),
    "ACTIONED": frozenset({"READ"}),
    # Accepted conditions bring the text: declined afterwards, the office would be on record as holding what it declined.
    "DECLINED": frozenset({"DELIVERED", "READ"}),
}
_REFUSED_KIND: Final[Mapping[Receipt, tuple[str, str]]] = {
    "CONDITIONS_ACCEPTED": ("A {} has no conditions that wait to be accepted.", "`pas inbox show` shows it"),
    "ACTIONED": ("A {} asks for no action.", "accept its conditions first, if it has any: the text comes as another delivery"),
    "DECLINED": ("A {} cannot be declined.", "`pas inbox show` shows it"),
}
_REFUSED_STATE: Final[Mapping[State, tuple[str, str]]] = {
    "DELIVERED": ("The delivery has not been read.", "read it first with `pas inbox show`"),
    "WITHDRAWN": ("PAS has withdrawn the delivery.", "there is nothing left to answer"),
}


def check_answer(held: Held, receipt: Receipt) -> None:
    """Raises WrongStateError where a delivery of that kind, in that state, cannot be answered so."""
    kind, state = held.delivery.kind, held.state
    if kind not in ANSWERS[receipt]:
        sentence, hint = _REFUSED_KIND[receipt]
        raise WrongStateError(sentence.format(kind), hint)
    if state not in _STATES[receipt]:
        raise WrongStateError(*_REFUSED_STATE.get(state, (f"The delivery is {state} already.", "an answer stands as it was given")))
