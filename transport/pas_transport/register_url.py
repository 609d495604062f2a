"""What a register's URL says of the way to its server: whether anybody on a network could stand in for it or listen."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# What else libpq goes by to find a server: with them nobody sees from the URL where it is.
_ELSEWHERE = ("service", "servicefile")


def is_guarded(url: str) -> bool:
    """Whether the server of a PostgreSQL URL proves who it is by a certificate, or every way named to it stays on this machine.

    A URL that names no host leaves the choice to the environment, and is not guarded.
    """
    try:
        parts = urlsplit(url)
        given = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        host = parts.hostname
    except ValueError:
        return False
    if given.get("sslmode") == ["verify-full"]:
        return True
    named = [*([host] if host else []), *given.get("host", ()), *given.get("hostaddr", ())]
    hosts = [one for several in named for one in several.split(",")]
    return bool(hosts) and all(map(_is_here, hosts)) and not any(word in given for word in _ELSEWHERE)


def _is_here(host: str) -> bool:
    """A folder is that of a local socket; SQLAlchemy lets a port follow the host."""
    return host.startswith("/") or host in _LOOPBACK or host.rpartition(":")[0] in _LOOPBACK
