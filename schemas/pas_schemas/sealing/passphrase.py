"""A person's signing key under a passphrase that is never kept: scrypt (RFC 7914), then AES-256-GCM."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from pas_schemas.errors import KeyringError, MisuseError
from pas_schemas.sealing.failures import BadCiphertextError
from pas_schemas.sealing.keys import SECRET_BYTES, SigningKey, StoreKey

_MAGIC: Final = b"pas/v1/locked-key"
SALT_BYTES = 16
# 32 MiB and about 60 ms for each guess.
COST, BLOCK, PARALLEL = 2**15, 8, 1
_MEMORY = 2 * 128 * COST * BLOCK
MIN_PASSPHRASE = 12


class KeyLock:
    """What one passphrase and one salt lock and unlock; it lives as long as one command."""

    __slots__ = ("_box", "_salt")

    def __init__(self, passphrase: str, salt: bytes) -> None:
        self._salt = salt
        secret = passphrase.encode("utf-8")
        self._box = StoreKey(hashlib.scrypt(secret, salt=self._salt, n=COST, r=BLOCK, p=PARALLEL, maxmem=_MEMORY, dklen=SECRET_BYTES))

    @classmethod
    def begin(cls, passphrase: str) -> KeyLock:
        """A lock for new keys; raises MisuseError for a passphrase that is too short to be one."""
        if len(passphrase) < MIN_PASSPHRASE:
            raise MisuseError(f"A passphrase has at least {MIN_PASSPHRASE} characters.", "take several words")
        return cls(passphrase, os.urandom(SALT_BYTES))

    def lock(self, key: SigningKey) -> bytes:
        """The private key as it may lie on disk."""
        return _MAGIC + self._salt + self._box.seal(key.to_bytes(), _MAGIC + self._salt)

    def unlock(self, data: bytes) -> SigningKey:
        """Raises KeyringError for another passphrase, or a file that was changed."""
        try:
            return SigningKey.from_bytes(self._box.open(data[len(_MAGIC) + SALT_BYTES :], _MAGIC + self._salt))
        except BadCiphertextError:
            raise KeyringError("The passphrase does not open that person's key.", "type it again; nothing was decided") from None


def unlock_key(data: bytes, passphrase: str) -> SigningKey:
    """The private key of a locked file; raises KeyringError for a wrong passphrase or a file that holds none."""
    if not data.startswith(_MAGIC) or len(data) < len(_MAGIC) + SALT_BYTES:
        raise KeyringError("The file holds no person's key.", "restore it from a backup")
    return KeyLock(passphrase, data[len(_MAGIC) : len(_MAGIC) + SALT_BYTES]).unlock(data)
