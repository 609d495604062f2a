"""How far the compartment's register had got when something was last sent, beside it and not in it: one that is restored is behind that.

PAS's own gateway leaves notes in the log and learns from them; the compartment leaves nothing there that could be told from what PAS sends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pas_gateway.register import RegisterUnavailableError, Store, queries
from pas_schemas.errors import RegisterError
from pas_transport.files import read_whole, write_whole

# One for each sort of what is sent, threats and the rest: of each one process sends at a time.
_FILES = ("sent-0.mark", "sent-1.mark")
_BEHIND = "The compartment's register is older than what the compartment has sent: nothing is decided."
_HINT = "restore the newest one there is; see *a register that is put back* in docs/compartment.md"


@dataclass
class Marks:
    """The marks of one register, in the folder of its workspace."""

    folder: Path
    store: Store = field(repr=False)
    _kept: dict[int, int] = field(default_factory=dict, repr=False)

    def note(self, urgent: int) -> None:
        """Before something is sent, so that no register without it passes for the newest; or RegisterError, and it is not sent."""
        last = self.store.ask(queries.find_last_leaf)
        if self._kept.get(urgent) != last:
            try:
                write_whole(self.folder / _FILES[urgent], f"{last}\n".encode(), 0o600)
            except OSError:
                sentence = f"{_FILES[urgent]} of the compartment cannot be written: nothing is sent."
                raise RegisterUnavailableError(sentence, "make room in its folder, and make it writable") from None
            self._kept[urgent] = last

    def check(self) -> None:
        """Raises RegisterError where this register is not as far as one that has sent something."""
        last = self.store.ask(queries.find_last_leaf)
        if any(_read(self.folder / name) > last for name in _FILES):
            raise RegisterError(_BEHIND, _HINT)


def _read(path: Path) -> int:
    try:
        return int(read_whole(path))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError):
        raise RegisterError(f"{path.name} of the compartment cannot be read.", _HINT) from None
