"""Every reason why a sealed record may not be opened: one class each, in the order in which they are looked for.

    SealError
    |-  1 UnknownVersionError   version   a wire version that this software does not read
    |-  2 MalformedRecordError  malformed not laid out as a sealed record is, or too large
    |-  3 WrongRecipientError   recipient for another office, or for a key that this one does not hold
    |-  4 UnknownSenderError    sender    the directory knows no such key of that sender
    |-  5 KeyExpiredError       expired   the sender's or the recipient's key was not current when the log took it
    |-  6 BadSignatureError     signature the sender did not sign this, here, so
    |-  7 OutsideEpochError     epoch     the log took it before or after the epoch it was sealed in
    |-  8 BadWrapError          wrap      the epoch secret was not wrapped for this sender, recipient and time
    |-  9 BadCiphertextError    tag       the ciphertext is not what was sealed under this label
    |- 10 BadPaddingError       padding   the padding is not as it must be
    `- 11 WrongSchemaError      schema    the payload is of another schema than the label says

`reason` is the machine's word for the class (quarantine, notices). Messages hold nothing of the record.
"""

from __future__ import annotations

from typing import ClassVar

from pas_schemas.errors import SealError

_SENDER = "the sender must seal it again"


class _ReasonedError(SealError):
    """A SealError with its word, sentence and hint."""

    reason: ClassVar[str]
    sentence_for: ClassVar[str]
    hint_for: ClassVar[str] = _SENDER

    def __init__(self, sentence: str = "", hint: str = "") -> None:
        super().__init__(sentence or self.sentence_for, hint or self.hint_for)


class UnknownVersionError(_ReasonedError):
    """A wire version that this software does not read."""

    reason = "version"
    sentence_for = "The record has a wire version that this software does not read."
    hint_for = "a newer version of this software may read it"


class MalformedRecordError(_ReasonedError):
    """Not laid out as a sealed record is, or larger than a record may be."""

    reason = "malformed"
    sentence_for = "The bytes are not laid out as a sealed record is."


class WrongRecipientError(_ReasonedError):
    """For another office, or for a key that this office does not hold."""

    reason = "recipient"
    sentence_for = "The record is sealed for another office, or for a key that this office does not hold."
    hint_for = "the sender must look the office's key up again"


class UnknownSenderError(_ReasonedError):
    """The directory knows no such signing key of that sender."""

    reason = "sender"
    sentence_for = "The directory knows no such signing key of that sender."
    hint_for = "the sender's key must be in the directory first"


class KeyExpiredError(_ReasonedError):
    """The sender's or the recipient's key was not current when the log took the record."""

    reason = "expired"
    sentence_for = "A key of the record was not current when the log took it."
    hint_for = "the sender must seal it again with current keys"


class BadSignatureError(_ReasonedError):
    """The sender did not sign this record, at this place of this batch."""

    reason = "signature"
    sentence_for = "The signature is not that sender's over this record."


class OutsideEpochError(_ReasonedError):
    """The log took the record before or after the epoch that it was sealed in."""

    reason = "epoch"
    sentence_for = "The log took the record outside the epoch that it was sealed in."


class BadWrapError(_ReasonedError):
    """The epoch secret was not wrapped by this sender for this recipient, key and time."""

    reason = "wrap"
    sentence_for = "The record's epoch was not made by this sender for this recipient."


class BadCiphertextError(_ReasonedError):
    """The ciphertext is not what was sealed, or not under this label or key."""

    reason = "tag"
    sentence_for = "The ciphertext is not what was sealed here."


class BadPaddingError(_ReasonedError):
    """What was sealed is not padded as it must be."""

    reason = "padding"
    sentence_for = "The sealed bytes are not padded as they must be."


class WrongSchemaError(_ReasonedError):
    """What was sealed is of another schema than the label says."""

    reason = "schema"
    sentence_for = "The sealed bytes are of another schema than the label says."
