"""Keys, seals, signatures and trees: the one place that uses cryptographic primitives."""

from pas_schemas.sealing.closed import close_text, open_text
from pas_schemas.sealing.envelope import Label, read_label
from pas_schemas.sealing.failures import (
    BadCiphertextError,
    BadPaddingError,
    BadSignatureError,
    BadWrapError,
    KeyExpiredError,
    MalformedRecordError,
    OutsideEpochError,
    UnknownSenderError,
    UnknownVersionError,
    WrongRecipientError,
    WrongSchemaError,
)
from pas_schemas.sealing.keys import IdKey, OpeningKey, SealingKey, SigningKey, StoreKey, VerifyKey
from pas_schemas.sealing.manifest import build_manifest, contains, item_digest, new_salt, sanitised_content, subject_digest, withheld_digest
from pas_schemas.sealing.opening import Evidence, Opened, Opener, verify_evidence
from pas_schemas.sealing.passphrase import KeyLock, unlock_key
from pas_schemas.sealing.seal import Plain, Sealer
from pas_schemas.sealing.sign import BATCH, CONSENT, DECISION, DIRECTORY, REPLY, REQUEST, ROOT, SANITISED, SECOND, sign, verify

__all__ = [
    "BATCH",
    "CONSENT",
    "DECISION",
    "DIRECTORY",
    "REPLY",
    "REQUEST",
    "ROOT",
    "SANITISED",
    "SECOND",
    "BadCiphertextError",
    "BadPaddingError",
    "BadSignatureError",
    "BadWrapError",
    "Evidence",
    "IdKey",
    "KeyExpiredError",
    "KeyLock",
    "Label",
    "MalformedRecordError",
    "Opened",
    "Opener",
    "OpeningKey",
    "OutsideEpochError",
    "Plain",
    "Sealer",
    "SealingKey",
    "SigningKey",
    "StoreKey",
    "UnknownSenderError",
    "UnknownVersionError",
    "VerifyKey",
    "WrongRecipientError",
    "WrongSchemaError",
    "build_manifest",
    "close_text",
    "contains",
    "item_digest",
    "new_salt",
    "open_text",
    "read_label",
    "sanitised_content",
    "sign",
    "subject_digest",
    "unlock_key",
    "verify",
    "verify_evidence",
    "withheld_digest",
]
