"""What PostgreSQL's errors mean to a person: by SQLSTATE, or by the client library's words where there was no session yet."""

from __future__ import annotations

import psycopg

from pas_gateway.register.store import (
    DamagedRegisterError,
    RegisterUnavailableError,
    SerializationError,
    UnfitRowError,
    tell_fault,
    tell_full,
    tell_same_row,
)
from pas_schemas.errors import RegisterError

_LOGIN = "see register_url and the file that register_password_path names"
# Words of the client library and, untranslated, of the server: a login that failed carries no SQLSTATE.
_WORDS = {
    "28000": ("no pg_hba.conf entry", 'role "', "certificate authentication failed", "Peer authentication", "Ident authentication"),
    "28P01": ("password authentication failed", "no password supplied", "password is required"),
    "3D000": ('database "',),
    "53300": ("too many clients", "remaining connection slots", "too many connections"),
    "option": ("invalid connection option", "invalid sslmode", "invalid integer value"),
    "tls": ("certificate verify failed", "server certificate for", "root certificate", "does not support SSL"),
}
_UNTOLD = {"57P01", "57P02", "57P03", "57P05", "25P03"}


def tell_postgres(error: BaseException | None, place: str) -> RegisterError:
    """One sentence and a hint; neither the driver's text nor a parameter stands in it."""
    state = getattr(error, "sqlstate", None) or _guess_state(error)
    if state is None:
        broken = isinstance(error, psycopg.OperationalError) or (isinstance(error, psycopg.InterfaceError) and "connection" in str(error))
        return _tell_unreached(place) if broken else tell_fault(error)
    return _tell_write(state) or _tell_server(state, place) or _tell_login(state, place) or tell_fault(error)


def _guess_state(error: BaseException | None) -> str | None:
    said = str(error) if isinstance(error, psycopg.OperationalError | psycopg.ProgrammingError) else ""
    for state, words in _WORDS.items():
        if any(word in said for word in words) and ("FATAL" in said or state in ("tls", "option", "28P01")):
            return state
    return None


def _tell_write(state: str) -> RegisterError | None:
    if state in ("40001", "40P01"):
        return SerializationError("Two batches were written at the same time.", "the batch is written again")
    if state in ("23505", "23P01"):
        return tell_same_row()
    # A standby refuses the kind of transaction before it sees that something is written; nothing else of ours is too new for any server.
    if state in ("25006", "0A000"):
        return RegisterUnavailableError("The register cannot be written: its database is read-only.", "see whether the server is a standby")
    if state == "53100":
        return tell_full()
    if state[:2] in ("22", "54"):
        return UnfitRowError("The database cannot hold what a record says.", "this is a fault of the program")
    if state in ("55P03", "57014"):
        return RegisterUnavailableError("The register is busy.", "try again; nothing was half written")
    return None


def _tell_server(state: str, place: str) -> RegisterError | None:
    if state == "53300":
        return RegisterUnavailableError(f"The database server at {place} takes no more connections.", "see max_connections; try again")
    if state[:2] in ("08", "53", "58") or state in _UNTOLD:
        return _tell_unreached(place)
    if state in ("XX001", "XX002"):
        return DamagedRegisterError("The register's database is damaged.", "restore it from a backup; the log still holds what came in")
    if state == "42P01":
        return DamagedRegisterError("A table of the register is missing.", "restore it from a backup; the log still holds what came in")
    return None


def _tell_login(state: str, place: str) -> RegisterError | None:
    if state == "28P01":
        return RegisterError(f"The database server at {place} refused the register's user or password.", _LOGIN)
    if state[:2] == "28":
        return RegisterError(f"The database server at {place} does not let the register's user in.", "see register_url and its pg_hba.conf")
    if state == "3D000":
        return RegisterError("The register's database is not there.", "make it with createdb, or see register_url")
    if state == "42501":
        return RegisterError("The register's user may not do that in its database.", "make it the owner of the database")
    if state == "option":
        return RegisterError(
            "register_url has an option that PostgreSQL's client does not know.", "see what stands behind its question mark"
        )
    if state == "tls":
        return RegisterError(f"The database server at {place} could not prove who it is.", "see sslmode and sslrootcert in register_url")
    return None


def _tell_unreached(place: str) -> RegisterUnavailableError:
    return RegisterUnavailableError(
        f"The database server at {place} cannot be reached.", "start it, or see register_url; nothing was half written"
    )
