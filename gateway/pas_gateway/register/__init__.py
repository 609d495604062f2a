"""PAS's register: the gateway's only state, written one transaction a batch."""

from pas_gateway.register.backends import open_store
from pas_gateway.register.change import Advance, Change, LostPartitionError, join_blobs, split_blobs, write_change
from pas_gateway.register.store import ClashError, DamagedRegisterError, RegisterUnavailableError, Store, UnfitRowError

__all__ = [
    "Advance",
    "Change",
    "ClashError",
    "DamagedRegisterError",
    "LostPartitionError",
    "RegisterUnavailableError",
    "Store",
    "UnfitRowError",
    "join_blobs",
    "open_store",
    "split_blobs",
    "write_change",
]
