"""Conditions of a code 5 text as far as a program can hold its reader to them; the rest is for a person to read and accept.

    conditions = clause *( (";" / line end) clause )
    clause     = "expires" ["on" | ":"] END      nobody reads it from then on: a date, or a time in UTC with Z
               / "readers:" REF *( "," REF )     posts or staff references; nobody else reads it
               / "no copy"                       it is shown to a person, and given to no other program
               / anything else                   shown as it stands

Capital letters do not count, nor does a full stop at the end of a clause. A clause that is nearly one of these is one of the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pas_schemas.clock import parse_end

_EXPIRES: Final = re.compile(r"expires(?: on|:)? (\S+)")
_READERS: Final = re.compile(r"readers?: ?([a-z0-9-]+(?: ?, ?[a-z0-9-]+)*)")
_NO_COPY: Final = "no copy"


@dataclass(frozen=True, slots=True)
class Conditions:
    """`readers` None means anybody of the office; of several clauses of a kind the strictest counts."""

    expires: datetime | None = None
    readers: frozenset[str] | None = None
    no_copy: bool = False
    rest: tuple[str, ...] = ()

    def close(self, now: datetime, post: str, person: str) -> str | None:
        """Why this reader may not read now; None where nothing stands against it."""
        if self.expires is not None and now >= self.expires:
            return "The conditions of this text let nobody read it any more."
        if self.readers is not None and not {post, person} & self.readers:
            return "The conditions of this text name its readers, and you are none of them."
        return None


def parse_conditions(text: str | None) -> Conditions:
    """What can be held of a condition's words."""
    expires: datetime | None = None
    readers: frozenset[str] | None = None
    no_copy, rest = False, []
    for clause in filter(None, (part.strip() for part in re.split(r"[;\n]", text or ""))):
        plain = " ".join(clause.lower().rstrip(".").split())
        end, named = _read_end(plain), _READERS.fullmatch(plain)
        if end is not None:
            expires = end if expires is None else min(expires, end)
        elif named is not None:
            mine = frozenset(part.strip() for part in named[1].split(","))
            readers = mine if readers is None else readers & mine
        elif plain == _NO_COPY:
            no_copy = True
        else:
            rest.append(clause)
    return Conditions(expires, readers, no_copy, tuple(rest))


def _read_end(clause: str) -> datetime | None:
    found = _EXPIRES.fullmatch(clause)
    try:
        return parse_end(found[1].upper()) if found else None
    except ValueError:
        return None
