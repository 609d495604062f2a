"""Who reads which partition on one host: locks that the operating system frees the moment their process is gone."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote
from weakref import WeakSet

from pas_schemas.errors import LogError
from pas_transport.locks import try_lock
from pas_transport.log import LogUnavailableError, Partition

# One group's members on one host; a listing longer than this is no group but a fault.
MAX_MEMBERS = 1024
_MEMBER = re.compile(r"\d{8}-[0-9a-f]{16}")


def share(members: Sequence[tuple[str, Mapping[str, int]]]) -> dict[Partition, str]:
    """Which member reads each partition, given each member's topics and their partition counts.

    Pure, so that every member comes to the same answer alone: the topics fewest can read go first, each partition to the
    least loaded of those that subscribe to its topic.
    """
    counts = {topic: count for _, topics in members for topic, count in topics.items()}
    readers = {topic: sorted(name for name, topics in members if topic in topics) for topic in counts}
    load: Counter[str] = Counter()
    owners: dict[Partition, str] = {}
    for topic in sorted(counts, key=lambda topic: (len(readers[topic]), topic)):
        for number in range(counts[topic]):
            owner = min(readers[topic], key=lambda name: (load[name], name))
            load[owner] += 1
            owners[Partition(topic, number)] = owner
    return owners


class Ownership:
    """One member of a group: the lock that says it lives, and a lock for each partition it reads.

    The locks are `flock`s, which belong to one opening of a file: two members in one process exclude each other as well.
    Nothing here knows the time.
    """

    def __init__(self, folder: Path, group: str, topics: Mapping[str, int]) -> None:
        self._folder = _group_folder(folder, group)
        self._members = self._folder / "members"
        self._topics = dict(topics)
        self._name = ""
        self._alive = -1
        self._held: dict[Partition, int] = {}
        self._known: dict[str, dict[str, int]] = {}
        _everyone.add(self)

    @property
    def held(self) -> frozenset[Partition]:
        return frozenset(self._held)

    def balance(self) -> frozenset[Partition]:
        """Join if not yet a member, give back what is another's share, take what is free of the own; what is held then."""
        try:
            if self._alive < 0:
                self._join()
            owners = share(self._live_members())
            for partition in [p for p, fd in self._held.items() if owners.get(p) != self._name or _is_unlinked(fd)]:
                os.close(self._held.pop(partition))
            for partition, owner in owners.items():
                if owner == self._name and partition not in self._held:
                    self._take(partition)
        except OSError as error:
            raise fence_os_error(error) from error
        return self.held

    def note(self, partition: Partition, offset: int) -> None:
        """Write how far the group has read into the partition's lock file (advisory, never synced)."""
        fd = self._held.get(partition)
        if fd is not None:
            try:
                os.pwrite(fd, b"%020d" % offset, 0)
            except OSError as error:
                raise fence_os_error(error) from error

    def leave(self) -> None:
        """Give everything back at once; safe to call twice."""
        if self._alive >= 0:
            (self._members / self._name).unlink(missing_ok=True)
        self.forget()

    def forget(self) -> None:
        """Close the descriptors and no more: in a forked child the parent keeps its locks."""
        for fd in (*self._held.values(), self._alive):
            if fd >= 0:
                os.close(fd)
        self._held.clear()
        self._alive, self._name = -1, ""

    def __del__(self) -> None:
        """A member nobody refers to any more would else hold its partitions for the rest of the process."""
        self.forget()

    def _join(self) -> None:
        """A member shows itself (by renaming) only once its lock is held, so nobody takes it for dead in between."""
        self._members.mkdir(parents=True, exist_ok=True)
        rank = max((int(name[:8]) for name in self._listed()), default=0) + 1
        name = f"{rank:08d}-{secrets.token_hex(8)}"
        hidden = self._members / f".{name}"
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(fd, json.dumps(self._topics).encode())
            hidden.rename(self._members / name)
        except OSError:
            os.close(fd)
            raise
        self._alive, self._name = fd, name

    def _listed(self) -> list[str]:
        names = [name for name in os.listdir(self._members) if _MEMBER.fullmatch(name)]
        if len(names) > MAX_MEMBERS:
            raise LogError(f"The group has more than {MAX_MEMBERS} members", "look for a process that is started over and over")
        return names

    def _live_members(self) -> list[tuple[str, Mapping[str, int]]]:
        names = set(self._listed()) | {self._name}
        return [(name, self._topics) if name == self._name else (name, self._known[name]) for name in names if self._lives(name)]

    def _lives(self, name: str) -> bool:
        """Whether a member holds its lock; the file of a dead one is removed. A shared probe never blocks another prober."""
        if name == self._name:
            return True
        path = self._members / name
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            if try_lock(fd, fcntl.LOCK_SH):
                path.unlink(missing_ok=True)
                return False
            if name not in self._known:
                self._known[name] = json.loads(os.read(fd, 1 << 20))
        finally:
            os.close(fd)
        return True

    def _take(self, partition: Partition) -> None:
        fd = os.open(self._folder / f"{partition.topic}.{partition.number}", os.O_RDWR | os.O_CREAT, 0o600)
        if try_lock(fd):
            self._held[partition] = fd
        else:
            os.close(fd)


def read_notes(folder: Path, group: str) -> dict[Partition, int]:
    """How far a group said it has read, by partition; nothing for a group that never did."""
    notes: dict[Partition, int] = {}
    try:
        for path in _group_folder(folder, group).glob("*.*"):
            topic, _, number = path.name.rpartition(".")
            text = path.read_text("ascii")
            if text:
                notes[Partition(topic, int(number))] = int(text)
    except OSError as error:
        raise fence_os_error(error) from error
    return notes


def fence_os_error(error: OSError) -> LogUnavailableError:
    """The typed error for a failure of the folder the locks lie in."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return LogUnavailableError("The disk of the log is full", "make room on it and try again")
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return LogUnavailableError("The folder of the log cannot be written", "give this user the right to write there")
        case errno.EMFILE | errno.ENFILE:
            return LogUnavailableError("Too many files are open to lock the log's partitions", "raise the limit on open files")
        case _:
            return LogUnavailableError(f"The folder of the log cannot be used: {os.strerror(error.errno or 0)}", "see that it exists")


def _group_folder(folder: Path, group: str) -> Path:
    return folder / f"group-{quote(group, safe='')}"


def _is_unlinked(fd: int) -> bool:
    """A lock file that somebody removed excludes nobody any more."""
    return os.fstat(fd).st_nlink == 0


def _forget_everything() -> None:
    for ownership in _everyone:
        ownership.forget()


_everyone: WeakSet[Ownership] = WeakSet()
# A forked child shares its parent's locks; were it to keep them open, the parent's death would free nothing.
os.register_at_fork(after_in_child=_forget_everything)
