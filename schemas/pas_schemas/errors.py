"""The one tree of errors: every failure a caller can see is one of these, with a sentence and a hint.

PasError
|- MisuseError            the command or the call was wrong; nothing was done (exit 2)
|- SettingsError          pas.toml, PAS_* or a workspace that cannot be used
|- RulebookError          a rulebook the broker cannot enforce
|- GradingError           a grade of another scale that no declared map covers
|- DirectoryError         a snapshot, office or key that is not as it must be
|- KeyringError           a private key that is not there or not readable
|- SealError              a record that may not be opened (see sealing.failures for its classes)
|- CodecError             bytes that are not a record we know
|- LogError               the log failed; `retriable` says whether to try again
|- RegisterError          the register failed or refuses
`- InboxError             an inbox failed or refuses
"""

from __future__ import annotations

from typing import ClassVar


class PasError(Exception):
    """A failure with one sentence for a person and a hint on how to mend it; never any content of a report."""

    retriable: ClassVar[bool] = False

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.sentence} ({self.hint})" if self.hint else self.sentence


class MisuseError(PasError):
    """The command line or the call itself was wrong; nothing was done."""


class SettingsError(PasError):
    """The workspace or its settings cannot be used."""


class RulebookError(PasError):
    """The rulebook names something the broker cannot enforce."""


class GradingError(PasError):
    """A grade of another scale that no declared map to 5x5x5 covers."""


class DirectoryError(PasError):
    """The directory snapshot, or an office or key in it, is not as it must be."""


class KeyringError(PasError):
    """A private key is missing, unreadable or open to others."""


class SealError(PasError):
    """A sealed record may not be opened; its sub-classes say which check failed."""


class CodecError(PasError):
    """Bytes that are not a record of a schema we know."""


class LogError(PasError):
    """The log could not do what was asked."""


class RegisterError(PasError):
    """The register could not do what was asked."""


class InboxError(PasError):
    """An inbox could not do what was asked."""
