"""A case as its owner sees it, wherever that is, and the statement in which a person decides on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from pas_schemas.directory import Snapshot
from pas_schemas.errors import CodecError, KeyringError, MisuseError, SealError
from pas_schemas.models.complaints import complain, place_of
from pas_schemas.models.decision import RuledPair
from pas_schemas.models.wire import WireModel
from pas_schemas.people import Appointment
from pas_transport.files import write_whole
from pas_transport.sending import send_statement
from pas_transport.statements import Statement, peek_statement, sign_said

if TYPE_CHECKING:
    from pas_transport.workspace import Workspace

FOLDER = "statements"
S = TypeVar("S", bound=WireModel)


@dataclass(frozen=True, slots=True)
class OpenPair:
    """An office and item that wait; `ref` names the item to this owner, `item` is its number as the owner is shown it."""

    item: int
    office: str
    ref: bytes = field(repr=False)
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that waits: `reasons` are those that hold no pair, `view` what a decision must name.

    `silent` are Governors who know nothing of an item: a decision is about them only where it names them.
    """

    case: str
    office: str
    view: bytes = field(repr=False)
    pairs: tuple[OpenPair, ...]
    reasons: tuple[str, ...]
    silent: tuple[OpenPair, ...] = ()

    def choose(self, items: Collection[int], offices: Collection[str], everything: bool) -> tuple[RuledPair, ...]:
        """The pairs of these items and offices; raises MisuseError where nothing was named, or nothing waits there."""
        if not items and not offices and not everything:
            raise MisuseError("A decision names what it is about.", "name it with --office and --item, or take all of it with --all")
        asked = (*self.pairs, *self.silent) if offices else self.pairs
        chosen = [pair for pair in asked if (not items or pair.item in items) and (not offices or pair.office in offices)]
        if not chosen:
            raise MisuseError("Nothing waits in this case for that office and item.", f"see `pas cases show {self.case}`")
        return tuple(RuledPair(item=pair.ref, office=pair.office, rules=pair.rules) for pair in chosen)


def build(kind: type[S], said: dict[str, Any]) -> S:
    """The statement of these values; raises MisuseError that names the value that cannot be."""
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = place_of(first, "the statement")
        raise MisuseError(f"That cannot be said: {where}: {complain(first)}.", "see the command's --help") from None


def read_part(said: Mapping[str, Any], **names: str) -> dict[str, Any] | None:
    """A part of a statement, each of its values under the name by which it was said; None where nothing of it was."""
    part = {name: said[option] for name, option in names.items()}
    return part if any(part.values()) else None


def post_of(snapshot: Snapshot, workspace: Workspace, office: str, person: str | None, post: str | None) -> tuple[str, str]:
    """Who signs, and as what; raises as `choose_signer` does."""
    reference, held = choose_signer(snapshot, workspace, office, person)
    return reference, post or held.post


def choose_signer(snapshot: Snapshot, workspace: Workspace, office: str, person: str | None) -> tuple[str, Appointment]:
    """Who signs, and the post held now; raises MisuseError for nobody, KeyringError for somebody who is not of that office."""
    reference = person or workspace.settings.person
    if reference is None:
        raise MisuseError("A decision is a person's.", "name the person with --person")
    found = snapshot.by_reference.get(reference)
    held = found.appointment(workspace.clock.now()) if found is not None else None
    if held is None or held.office != office:
        raise KeyringError("The directory has nobody of that reference at that office now.", "see `pas directory people`")
    return reference, held


def sign_and_send(workspace: Workspace, said: Statement, passphrase: str) -> bytes:
    """Signs with the person's own key, keeps a sealed copy for whoever must agree, and sends it; its digest."""
    data = sign(workspace, said, passphrase)
    return send(workspace, said.office, data)


def sign(workspace: Workspace, said: Statement, passphrase: str) -> bytes:
    """The signed statement; raises KeyringError for a wrong passphrase."""
    return sign_said(workspace.keyring(said.office).person_key(said.person, passphrase), said)


def send(workspace: Workspace, office: str, data: bytes) -> bytes:
    """Keeps a sealed copy, then sends it; its digest."""
    digest = sha256(data).digest()
    folder = workspace.root / FOLDER / office.replace(":", ".")
    sealed = workspace.keyring(office).store_key().seal(data, _place(office, digest))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder / f"{digest.hex()}.sealed", sealed, 0o600)
    except OSError as error:
        raise KeyringError(f"The statement cannot be kept: {error.strerror}.", "make the workspace writable; nothing was sent") from None
    return send_statement(workspace, office, data)


def find_kept(workspace: Workspace, office: str, prefix: str) -> list[tuple[bytes, bytes]]:
    """Digest and bytes of the statements this office sent from here whose digest begins so, the newest last."""
    folder, key = workspace.root / FOLDER / office.replace(":", "."), workspace.keyring(office).store_key()
    found = []
    paths = sorted(folder.glob("*.sealed"), key=lambda path: path.stat().st_mtime_ns) if folder.is_dir() else []
    for path in paths:
        if path.name.startswith(prefix.lower()):
            digest = bytes.fromhex(path.stem)
            try:
                found.append((digest, key.open(path.read_bytes(), _place(office, digest))))
            except (OSError, SealError):
                continue
    return found


def read_said(kind: type[S], data: bytes) -> S | None:
    """What a statement says; None where it is of another kind."""
    try:
        return kind.decode(peek_statement(data))
    except CodecError:
        return None


def _place(office: str, digest: bytes) -> bytes:
    return b"pas/v1/kept-statement" + office.encode() + digest
