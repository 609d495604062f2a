"""The keys of an office: to sign and verify, to seal and open, to name things, and to store them.

Every key is written as its raw bytes. A key's `id` is the first 16 hex digits of SHA-256 over the prefix of its use and
its public bytes; a private key has the id of its public one. No repr shows anything but the id.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from pas_schemas.errors import DirectoryError, KeyringError, MisuseError
from pas_schemas.sealing.failures import BadCiphertextError
from pas_schemas.sealing.framing import frame

KEY_ID_BYTES = 8
NONCE_BYTES = 12
SECRET_BYTES = 32
# HPKE's encapsulation (ML-KEM-768 ciphertext, X25519 share) and AES-256-GCM tag around what is sealed.
SEALING_BYTES = 1088 + 32 + 16

_SEED_BYTES = 64
_MLKEM_PUBLIC_BYTES = 1184
_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_NO_PRIVATE = "These bytes are not a private key of that use."
_NO_PUBLIC = "These bytes are not a public key of that use."


class _Key:
    """What every key has: an id, and a repr that shows nothing else."""

    __slots__ = ("id",)

    def __init__(self, use: bytes, public: bytes) -> None:
        self.id: Final = sha256(b"pas/v1/key/" + use + public).hexdigest()[: 2 * KEY_ID_BYTES]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise MisuseError("A key is neither copied nor pickled.", "each process reads its own from the keyring")


class VerifyKey(_Key):
    """The public half of a signing key (Ed25519)."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PublicKey) -> None:
        super().__init__(b"sign", key.public_bytes_raw())
        self._key = key

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From the 32 bytes the directory holds; raises DirectoryError."""
        try:
            return cls(Ed25519PublicKey.from_public_bytes(data))
        except (ValueError, TypeError):
            raise DirectoryError(_NO_PUBLIC, "ask the office for its request again") from None

    def to_bytes(self) -> bytes:
        return self._key.public_bytes_raw()

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's over exactly that message. Use `sign.verify`, which sets the prefix."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey(_Key):
    """An Ed25519 private key."""

    __slots__ = ("_key", "verify_key")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.verify_key: Final = VerifyKey(key.public_key())
        super().__init__(b"sign", self.verify_key.to_bytes())
        self._key = key

    @classmethod
    def generate(cls) -> Self:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From its 32 bytes; raises KeyringError."""
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(data))
        except (ValueError, TypeError):
            raise KeyringError(_NO_PRIVATE, "restore the key file, or make new keys") from None

    def to_bytes(self) -> bytes:
        return self._key.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """A signature over exactly that message. Use `sign.sign`, which sets the prefix."""
        return self._key.sign(message)


class SealingKey(_Key):
    """The public half of an opening key: ML-KEM-768 and X25519, side by side (1,216 bytes)."""

    __slots__ = ("_key", "_raw")

    def __init__(self, mlkem: MLKEM768PublicKey, x25519: X25519PublicKey) -> None:
        self._raw = mlkem.public_bytes_raw() + x25519.public_bytes_raw()
        super().__init__(b"open", self._raw)
        self._key = hpke.MLKEM768X25519PublicKey(mlkem, x25519)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From the bytes the directory holds; raises DirectoryError."""
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(data[:_MLKEM_PUBLIC_BYTES])
            return cls(mlkem, X25519PublicKey.from_public_bytes(data[_MLKEM_PUBLIC_BYTES:]))
        except (ValueError, TypeError):
            raise DirectoryError(_NO_PUBLIC, "ask the office for its request again") from None

    def to_bytes(self) -> bytes:
        return self._raw

    def seal(self, secret: bytes, info: bytes) -> bytes:
        """HPKE (RFC 9180, base mode, one message): encapsulation and ciphertext; raises DirectoryError for a key of no use."""
        try:
            return _SUITE.encrypt(secret, self._key, info)
        except ValueError:
            raise DirectoryError(_NO_PUBLIC, "ask the office for new keys") from None


class OpeningKey(_Key):
    """A hybrid private key, written as its ML-KEM seed and its X25519 key side by side (96 bytes)."""

    __slots__ = ("_key", "_mlkem", "_x25519", "sealing_key")

    def __init__(self, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> None:
        self.sealing_key: Final = SealingKey(mlkem.public_key(), x25519.public_key())
        super().__init__(b"open", self.sealing_key.to_bytes())
        self._mlkem, self._x25519 = mlkem, x25519
        self._key = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)

    @classmethod
    def generate(cls) -> Self:
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From its 96 bytes; raises KeyringError."""
        try:
            return cls(MLKEM768PrivateKey.from_seed_bytes(data[:_SEED_BYTES]), X25519PrivateKey.from_private_bytes(data[_SEED_BYTES:]))
        except (ValueError, TypeError):
            raise KeyringError(_NO_PRIVATE, "restore the key file, or make new keys") from None

    def to_bytes(self) -> bytes:
        return self._mlkem.private_bytes_raw() + self._x25519.private_bytes_raw()

    def open(self, sealed: bytes, info: bytes) -> bytes | None:
        """What `SealingKey.seal` was given, or None where it was not sealed to this key under this info."""
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError):
            return None


class _SecretKey(_Key):
    """A key of 32 random bytes that has no public half; its id is taken from the key itself, which it does not betray."""

    __slots__ = ("_raw",)
    _use = b""

    def __init__(self, raw: bytes) -> None:
        super().__init__(self._use, raw)
        self._raw = raw

    @classmethod
    def generate(cls) -> Self:
        return cls(os.urandom(SECRET_BYTES))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From its 32 bytes; raises KeyringError."""
        if len(data) != SECRET_BYTES:
            raise KeyringError(_NO_PRIVATE, "restore the key file, or make new keys")
        return cls(bytes(data))

    def to_bytes(self) -> bytes:
        return self._raw


class IdKey(_SecretKey):
    """An HMAC-SHA256 key: ids and digests that nobody without it can compute or compare."""

    __slots__ = ("_begun",)
    _use = b"id"

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        # The key is hashed once, and not with each of the many names that go by it.
        self._begun = HMAC(raw, SHA256())

    def digest(self, *parts: bytes) -> bytes:
        """32 bytes over the parts, each with its length."""
        named = self._begun.copy()
        named.update(frame(*parts))
        return named.finalize()


class StoreKey(_SecretKey):
    """An AES-256-GCM key for what lies on disk; every seal draws a new nonce, so at most 2**32 seals a key."""

    __slots__ = ("_aead",)
    _use = b"store"

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self._aead = AESGCM(raw)

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """Nonce and ciphertext; `aad` is where it is kept, so that no row can stand in for another."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plaintext, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """The plaintext; raises BadCiphertextError where a bit of it, or its place, is another."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
        except (InvalidTag, ValueError):
            raise BadCiphertextError("What lies in the store is not what was put there.", "restore it from a backup") from None
