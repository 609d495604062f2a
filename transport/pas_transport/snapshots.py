"""The directory on disk: numbered editions signed by an offline root key, of which clients refuse every older one.

directory/root.pub       the root key this workspace was given, pinned
directory/0001.root      a new root key, signed by the one before it
directory/0001.snapshot  an edition, signed by the root of its time; the highest number counts
directory.seen           the highest edition this workspace ever used
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pas_schemas.codec import decode, encode
from pas_schemas.directory import Snapshot
from pas_schemas.errors import CodecError, DirectoryError, SealError
from pas_schemas.sealing import DIRECTORY as SNAPSHOT_PREFIX
from pas_schemas.sealing import ROOT as ROOT_PREFIX
from pas_schemas.sealing import SigningKey, VerifyKey
from pas_transport.files import write_once, write_whole
from pas_transport.snapshot_codec import decode_snapshot, encode_snapshot
from pas_transport.statements import read_statement, write_statement

_NAME = re.compile(r"([0-9]{4,9})\.(snapshot|root)")
_TAMPERED = "fetch the directory again from PAS, and tell PAS"


@dataclass(frozen=True, slots=True)
class RootKey:
    """A root of the directory and the first edition that it must have signed."""

    first_version: int
    key: VerifyKey


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """Every edition in a workspace; each method raises `DirectoryError` and nothing else."""

    folder: Path
    root_path: Path
    seen_path: Path

    def versions(self) -> tuple[int, ...]:
        """The numbers of the editions that lie here, ascending."""
        return self._numbers("snapshot")

    def current(self) -> Snapshot:
        """The newest edition, verified; refused where this workspace has used a newer one before."""
        versions = self.versions()
        if not versions:
            raise DirectoryError("There is no directory in this workspace.", "fetch one from PAS, or make an example with `pas init`")
        seen = self._seen()
        if versions[-1] < seen:
            raise DirectoryError(f"The directory here is version {versions[-1]}, but {seen} was in use before.", _TAMPERED)
        snapshot = self.read(versions[-1])
        if snapshot.version > seen:
            # A workspace that cannot be written cannot go back either.
            with suppress(OSError):
                write_whole(self.seen_path, b"%d\n" % snapshot.version)
        return snapshot

    def read(self, version: int) -> Snapshot:
        """One edition, verified under the root of its time."""
        root = [root for root in self.roots() if root.first_version <= version][-1].key
        body = _verify(self._load(f"{version:04d}.snapshot"), root, SNAPSHOT_PREFIX, f"Version {version} of the directory")
        snapshot = decode_snapshot(body)
        if snapshot.version != version:
            raise DirectoryError(f"Version {version} of the directory says it is version {snapshot.version}.", _TAMPERED)
        return snapshot

    def raw(self, version: int) -> bytes:
        """One edition as it travels, signature and all."""
        return self._load(f"{version:04d}.snapshot")

    def add(self, snapshot: Snapshot, root: SigningKey) -> None:
        """Signs and stores the next edition; refuses a number that is taken or is not the next, and a root that is not current."""
        newest = self.versions()[-1] if self.versions() else 0
        if snapshot.version != newest + 1:
            raise DirectoryError(
                f"After version {newest} of the directory comes {newest + 1}, not {snapshot.version}.", "read it again and repeat"
            )
        if root.id != self.roots()[-1].key.id:
            raise DirectoryError("Only the directory's current root key may sign a new version.", "use the newest root key")
        self._write(f"{snapshot.version:04d}.snapshot", write_statement(root, SNAPSHOT_PREFIX, encode_snapshot(snapshot)))

    def roots(self) -> tuple[RootKey, ...]:
        """The pinned root and every root that followed it, each signed by the one before."""
        return tuple(self._chain())

    def add_root(self, old: SigningKey, new: VerifyKey) -> None:
        """From the next edition on, `new` signs; the old root must sign this."""
        roots = self.roots()
        if old.id != roots[-1].key.id:
            raise DirectoryError("Only the directory's current root key may name the next one.", "use the newest root key")
        first = (self.versions() or (0,))[-1] + 1
        if first <= roots[-1].first_version:
            raise DirectoryError(
                "The newest root key has not signed any version of the directory yet.", "issue one before you name the next"
            )
        datum = {"number": len(roots), "first_version": first, "public": new.to_bytes()}
        self._write(f"{len(roots):04d}.root", write_statement(old, ROOT_PREFIX, encode("directory_root", datum)))

    def pin(self, root: VerifyKey) -> None:
        """Writes down the root key that everything here must lead back to; it is never replaced."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            written = write_once(self.root_path, root.to_bytes().hex().encode() + b"\n")
        except OSError as error:
            raise _unwritable(error) from None
        if not written:
            raise DirectoryError("A root key is pinned here already.", "a new root comes signed by the old one")

    def _chain(self) -> Iterator[RootKey]:
        root = RootKey(0, self._pinned())
        yield root
        for place, number in enumerate(self._numbers("root"), start=1):
            body = _verify(self._load(f"{number:04d}.root"), root.key, ROOT_PREFIX, f"Root key {number} of the directory")
            datum = _decode_root(body)
            if number != place or datum["number"] != place or datum["first_version"] <= root.first_version:
                raise DirectoryError("The directory's root keys do not follow one another.", _TAMPERED)
            root = RootKey(datum["first_version"], VerifyKey.from_bytes(datum["public"]))
            yield root

    def _pinned(self) -> VerifyKey:
        try:
            return VerifyKey.from_bytes(bytes.fromhex(self.root_path.read_text("ascii").strip()))
        except OSError:
            raise DirectoryError("The directory's root key is not pinned in this workspace.", f"put {self.root_path.name} there") from None
        except (ValueError, DirectoryError):
            raise DirectoryError("The pinned root key is damaged.", f"restore {self.root_path.name} from where it came first") from None

    def _numbers(self, kind: str) -> tuple[int, ...]:
        try:
            found = [_NAME.fullmatch(path.name) for path in self.folder.iterdir()] if self.folder.is_dir() else []
        except OSError as error:
            raise DirectoryError(f"The directory cannot be read: {error.strerror}.", "see the folder's owner and mode") from None
        return tuple(sorted(int(name[1]) for name in found if name and name[2] == kind))

    def _seen(self) -> int:
        try:
            return int(self.seen_path.read_text("ascii"))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError):
            raise DirectoryError(f"{self.seen_path.name} is damaged.", "write the number of the last directory you used into it") from None

    def _load(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise DirectoryError(f"{name} of the directory cannot be read: {error.strerror}.", "fetch it again from PAS") from None

    def _write(self, name: str, data: bytes) -> None:
        try:
            written = write_once(self.folder / name, data)
        except OSError as error:
            raise _unwritable(error) from None
        if not written:
            raise DirectoryError("Somebody else changed the directory at the same moment.", "repeat the command")


def _verify(data: bytes, root: VerifyKey, prefix: bytes, what: str) -> bytes:
    try:
        return read_statement(data, root, prefix)
    except CodecError:
        raise DirectoryError(f"{what} is damaged.", _TAMPERED) from None
    except SealError:
        raise DirectoryError(f"{what} is not signed by the directory's root key.", _TAMPERED) from None


def _decode_root(body: bytes) -> dict[str, Any]:
    try:
        return dict(decode(body, "directory_root").datum)
    except CodecError:
        raise DirectoryError("A root key of the directory is damaged.", _TAMPERED) from None


def _unwritable(error: OSError) -> DirectoryError:
    return DirectoryError(f"The directory cannot be written: {error.strerror}.", "make the workspace writable")
