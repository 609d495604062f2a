"""Records that PAS must not believe: signed with another force's key, naming another force, or no record at all."""

from __future__ import annotations

from random import Random

from pas_producers.desk import EPOCH_LIFE, Desk
from pas_producers.packing import Packer, Ticker
from pas_schemas.directory import PAS
from pas_schemas.errors import DirectoryError
from pas_schemas.models.report import Report
from pas_schemas.naming import content_digest, report_id
from pas_schemas.sealing import Sealer, SealingKey
from pas_schemas.topics import REPORTS
from pas_transport.log import Outgoing
from pas_transport.rules import load_rulebook
from pas_transport.workspace import Workspace

# A sealed record is some kilobytes; noise of that size looks like one from afar.
NOISE_BYTES = 3000


def forge(workspace: Workspace, report: Report, forger: str, rng: Random) -> list[Outgoing]:
    """Three records for the reports' topic that end in quarantine; `forger` is an office other than the report's originator.

    The first claims the originator's name under the forger's signature, the second is honestly the forger's and names
    the other as originator, the third is noise.
    """
    noise = rng.randbytes(NOISE_BYTES)
    return [
        _record(workspace, report, forger, claimed=report.originator),
        _record(workspace, report, forger, claimed=forger),
        Outgoing(REPORTS.name, noise[:16], noise),
    ]


def _record(workspace: Workspace, report: Report, forger: str, claimed: str) -> Outgoing:
    ring, snapshot, clock = workspace.keyring(forger), workspace.directory(), workspace.clock
    signing, id_key = ring.signing(), ring.id_key()
    desk = Desk(claimed, signing.id, id_key, Sealer(claimed, signing, epoch_life=EPOCH_LIFE))
    packer = Packer(snapshot, load_rulebook(workspace), clock)
    parcel = packer.pack(report, desk, report_id(id_key, report.urn), content_digest(id_key, report), Ticker(clock).next_us())
    key = snapshot.key(PAS, "open", clock.now())
    if key is None:
        raise DirectoryError("The directory has no current key of PAS.", "make the demo in a new folder")
    (value,) = desk.sealer.seal(PAS, SealingKey.from_bytes(key.public), [parcel.plain], clock.now())
    return Outgoing(REPORTS.name, parcel.key, value)
