"""Merkle trees of RFC 6962 over SHA-256: roots, paths, and roots from paths."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

DIGEST_BYTES = 32


def hash_leaf(data: bytes) -> bytes:
    """RFC 6962, section 2.1: SHA-256(0x00, data)."""
    return sha256(b"\x00" + data).digest()


def hash_pair(left: bytes, right: bytes) -> bytes:
    """RFC 6962, section 2.1: SHA-256(0x01, left, right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree over leaf hashes, its levels worked out once; `path(i)` then costs nothing."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """`leaves` are leaf hashes (`hash_leaf`); an empty tree has the hash of nothing as its root."""
        self.size = len(leaves)
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_rise(self._levels[-1]))

    @property
    def root(self) -> bytes:
        return self._levels[-1][0] if self.size else sha256().digest()

    def path(self, index: int) -> list[bytes]:
        """The audit path of a leaf, from the bottom up (RFC 6962, section 2.1.1)."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        found = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                found.append(level[index ^ 1])
            index >>= 1
        return found


def _rise(level: list[bytes]) -> list[bytes]:
    above = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
    # An odd one out rises as it is: the same tree as RFC 6962's split at the largest power of two.
    return [*above, level[-1]] if len(level) % 2 else above


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    return Tree(leaves).root


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf; build a `Tree` for more than one."""
    return Tree(leaves).path(index)


def path_length(index: int, size: int) -> int:
    """How many hashes the path of a leaf has in a tree of `size` leaves."""
    count, last = 0, size - 1
    while last:
        count += index ^ 1 <= last
        index >>= 1
        last >>= 1
    return count


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to; None where no leaf at that place has a path of that length."""
    if not 0 <= index < size or len(path) != path_length(index, size):
        return None
    found, last, hashes = leaf, size - 1, iter(path)
    while last:
        if index & 1:
            found = sha256(b"\x01" + next(hashes) + found).digest()
        elif index < last:
            found = sha256(b"\x01" + found + next(hashes)).digest()
        index >>= 1
        last >>= 1
    return found
