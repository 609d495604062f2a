"""An office's private keys on disk: one folder (mode 0700) for each office, one file (mode 0600) for each key."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pas_schemas.directory import PAS, KeyUse
from pas_schemas.errors import KeyringError
from pas_schemas.identifiers import is_reference
from pas_schemas.sealing import IdKey, OpeningKey, SigningKey, StoreKey, unlock_key
from pas_schemas.topics import OFFICE_ID
from pas_transport.files import write_whole

# The folder of the directory's root key; no office can be called so, for it is no kind.
ROOT = "root"
# Says that these keys were made in one place with all others (`pas init`): production refuses them.
EXAMPLE_MARK = "example"
# Keys of which an office has many in its life are named by their id; the others stay for good.
LASTING = ("id", "store")
LASTING_OF_PAS = ("register", "register-id", "paso-register", "paso-register-id")
K = TypeVar("K")


@dataclass(frozen=True)
class Keyring:
    """The private keys of one office; each is read when it is asked for. Every method raises `KeyringError` and nothing else."""

    office: str
    folder: Path = field(repr=False)
    current: str | None = None

    @classmethod
    def open(cls, keys_dir: Path, office: str, current: str | None = None) -> Keyring:
        """The keyring of an office; `current` is the id of the signing key that the directory has as current."""
        folder = keys_dir / folder_name(office)
        if not folder.is_dir():
            hint = f"restore them from a backup; the first are made with `pas keys new --office {office}`"
            raise KeyringError(f"There are no keys of {office} in this workspace.", hint)
        return cls(office, folder, current)

    def signing(self) -> SigningKey:
        """The signing key that is current in the directory; before enrolment, the only one there is."""
        found = self._ids("sign")
        chosen = self.current or (found[0] if len(found) == 1 else None)
        if chosen is None:
            raise KeyringError(f"It cannot be told which signing key of {self.office} counts.", "the directory has none of them as current")
        return self._read(f"sign-{chosen}", SigningKey.from_bytes)

    def opening(self) -> Mapping[str, OpeningKey]:
        """Every opening key by id, old ones too: what was sealed to a former key can still be opened."""
        return {key: self._read(f"open-{key}", OpeningKey.from_bytes) for key in self._ids("open")}

    def compartment(self) -> Mapping[str, OpeningKey]:
        """The opening keys of the PASO compartment by id; none but PAS has any."""
        return {key: self._read(f"compartment-{key}", OpeningKey.from_bytes) for key in self._ids("compartment")}

    def id_key(self) -> IdKey:
        """From which report ids and digests are derived."""
        return self._read("id", IdKey.from_bytes)

    def store_key(self) -> StoreKey:
        """Under which the office's inbox lies on disk."""
        return self._read("store", StoreKey.from_bytes)

    def person_key(self, reference: str, passphrase: str) -> SigningKey:
        """A person's own signing key, unlocked; a wrong passphrase is told, and nothing else is."""
        return unlock_key(self._load(person_file(reference)), passphrase)

    def register_key(self, name: str = "register") -> StoreKey:
        """Under which a register wraps each report's data key; only `pas` has one, and another for its compartment's register."""
        return self._read(name, StoreKey.from_bytes)

    def register_id_key(self, name: str = "register-id") -> IdKey:
        """From which delivery ids, handles and the keyed subject index of a register are derived."""
        return self._read(name, IdKey.from_bytes)

    @property
    def example(self) -> bool:
        return (self.folder / EXAMPLE_MARK).exists()

    def refuse_example(self) -> None:
        """For production."""
        if self.example:
            raise KeyringError(f"The keys of {self.office} are example keys.", f"make its own with `pas keys new --office {self.office}`")

    def _ids(self, use: KeyUse) -> list[str]:
        try:
            names = sorted(os.listdir(self.folder))
        except OSError as error:
            raise self._unreadable(error) from None
        return [name.removeprefix(f"{use}-").removesuffix(".key") for name in names if name.startswith(f"{use}-") and name.endswith(".key")]

    def _read(self, name: str, parse: Callable[[bytes], K]) -> K:
        data = self._load(name)
        try:
            return parse(data)
        except KeyringError:
            raise KeyringError(f"A key of {self.office} ({name}) is damaged.", "restore it from a backup") from None

    def _load(self, name: str) -> bytes:
        path = self.folder / f"{name}.key"
        try:
            with path.open("rb") as file:
                open_to_others = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
                data = file.read()
        except FileNotFoundError:
            raise KeyringError(f"A key of {self.office} ({name}) is not in this workspace.", "restore it from a backup") from None
        except OSError as error:
            raise self._unreadable(error) from None
        if open_to_others:
            raise KeyringError(f"A private key of {self.office} is open to other users.", f"chmod 600 {path}")
        return data

    def _unreadable(self, error: OSError) -> KeyringError:
        return KeyringError(f"The keys of {self.office} cannot be read: {error.strerror}.", "see the owner and mode of the keys folder")


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Freshly made keys of an office; `public` is what may be shown of them."""

    signing: SigningKey
    opening: OpeningKey
    compartment: OpeningKey | None = None

    @classmethod
    def generate(cls, office: str) -> NewKeys:
        return cls(SigningKey.generate(), OpeningKey.generate(), OpeningKey.generate() if office == PAS else None)

    @property
    def public(self) -> tuple[tuple[KeyUse, str, bytes], ...]:
        """Use, id and public bytes of each."""
        pairs: list[tuple[KeyUse, str, bytes]] = [
            ("sign", self.signing.id, self.signing.verify_key.to_bytes()),
            ("open", self.opening.id, self.opening.sealing_key.to_bytes()),
        ]
        if self.compartment:
            pairs.append(("compartment", self.compartment.id, self.compartment.sealing_key.to_bytes()))
        return tuple(pairs)

    @property
    def files(self) -> tuple[tuple[str, bytes], ...]:
        """File name and private bytes of each."""
        named = [(f"sign-{self.signing.id}", self.signing.to_bytes()), (f"open-{self.opening.id}", self.opening.to_bytes())]
        if self.compartment:
            named.append((f"compartment-{self.compartment.id}", self.compartment.to_bytes()))
        return tuple(named)


def add_keys(keys_dir: Path, office: str, keys: NewKeys, *, example: bool = False, durable: bool = True) -> Keyring:
    """Writes an office's new keys beside those it has, and the lasting ones where it has none; raises `KeyringError`."""
    folder = keys_dir / folder_name(office)
    lasting = LASTING + (LASTING_OF_PAS if office == PAS else ())
    files = dict(keys.files)
    try:
        _make_folders(keys_dir, folder)
        files |= {name: StoreKey.generate().to_bytes() for name in lasting if not (folder / f"{name}.key").exists()}
        for name, data in files.items():
            write_whole(folder / f"{name}.key", data, 0o600, durable=durable)
        if example:
            write_whole(folder / EXAMPLE_MARK, b"", 0o600, durable=False)
    except OSError as error:
        raise KeyringError(f"The keys of {office} cannot be written: {error.strerror}.", "make the keys folder writable") from None
    return Keyring(office, folder, keys.signing.id)


def person_file(reference: str) -> str:
    """The file of a person's key; raises `KeyringError` for anything that is no reference."""
    if not is_reference(reference):
        raise KeyringError("That is no staff reference.", "lower case, digits and dashes, and no name")
    return f"person-{reference}"


def add_person_key(keys_dir: Path, office: str, reference: str, locked: bytes, *, durable: bool = True) -> None:
    """Writes a person's locked key beside the office's; raises `KeyringError`."""
    folder = keys_dir / folder_name(office)
    path = folder / f"{person_file(reference)}.key"
    try:
        _make_folders(keys_dir, folder)
        write_whole(path, locked, 0o600, durable=durable)
    except OSError as error:
        raise KeyringError(f"The key cannot be written: {error.strerror}.", "make the keys folder writable") from None


def has_person_key(keys_dir: Path, office: str, reference: str) -> bool:
    return (keys_dir / folder_name(office) / f"{person_file(reference)}.key").is_file()


def add_root_key(keys_dir: Path, key: SigningKey) -> None:
    """Writes a root key of the directory beside those there are; raises `KeyringError`."""
    try:
        _make_folders(keys_dir, keys_dir / ROOT)
        write_whole(keys_dir / ROOT / f"sign-{key.id}.key", key.to_bytes(), 0o600)
    except OSError as error:
        raise KeyringError(f"The root key cannot be written: {error.strerror}.", "make the keys folder writable") from None


def read_root_key(keys_dir: Path, key_id: str) -> SigningKey:
    """The root's private key of that id; raises `KeyringError`, as everywhere but where the root is kept."""
    if not (keys_dir / ROOT / f"sign-{key_id}.key").is_file():
        raise KeyringError(
            "The directory's root key is not in this workspace.", "the directory is changed where the offline root key is kept"
        )
    return Keyring(ROOT, keys_dir / ROOT, key_id).signing()


def has_keys(keys_dir: Path, office: str) -> bool:
    return (keys_dir / folder_name(office)).is_dir()


def list_offices(keys_dir: Path) -> tuple[str, ...]:
    """The offices whose keys lie here, sorted; the root is none."""
    if not keys_dir.is_dir():
        return ()
    names = (name.replace(".", ":", 1) for name in os.listdir(keys_dir) if name != ROOT)
    return tuple(sorted(name for name in names if OFFICE_ID.fullmatch(name)))


def folder_name(office: str) -> str:
    """An office's folder: its id with `.` for `:`; raises `KeyringError` for anything that is no office id."""
    if not OFFICE_ID.fullmatch(office):
        raise KeyringError("That is no office id.", "an office is written like force:01, pio:WSI or pas")
    return office.replace(":", ".")


def _make_folders(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(mode=0o700, exist_ok=True)
