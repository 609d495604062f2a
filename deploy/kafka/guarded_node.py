"""Writes what one guarded Kafka in a container needs, once: `python guarded_node.py GUARD ADMIN AUTHORITY HOST:PORT`, as example.sh does.

GUARD is the folder that Kafka alone mounts: its certificate and the settings in which its administrator's password stands. ADMIN is where
that password lies for who applies topics, AUTHORITY for the certificate that everybody is to trust. All of it is for examples.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certificates import Authority
from kafka_node import ADMIN, Guard, make_properties

# Where compose.yaml mounts GUARD, and where Kafka's own image keeps data.
MOUNTED = Path("/guard")
DATA = "/var/lib/kafka"
CONTROLLER_PORT = 9094
DAYS = 3650


def write(guard: Path, admin: Path, authority: Path, host: str, port: int) -> None:
    """Whatever is there already is kept; settings last, so that a run that was interrupted is made again whole."""
    settings = guard / "server.properties"
    if settings.exists():
        return
    made = Authority.make(guard / "authority.pem", days=DAYS)
    (guard / "node.pem").unlink(missing_ok=True)
    made.issue(guard / "node.pem", until=datetime.now(UTC) + timedelta(days=DAYS - 1), hosts=(host,))
    shutil.copyfile(made.path, authority)
    password = secrets.token_urlsafe(24)
    _write(admin, f"{password}\n", 0o600)
    inside = Guard(MOUNTED / "node.pem", MOUNTED / "authority.pem", password)
    # Read by Kafka's own user, who is another than ours; nothing else mounts this folder.
    (guard / "node.pem").chmod(0o444)
    _write(guard / "admin.scram", f"SCRAM-SHA-512=[name={ADMIN},password={password}]\n", 0o444)
    _write(guard / "client.properties", _CLIENT.format(authority=inside.authority, admin=ADMIN, password=password), 0o444)
    text = make_properties(port, CONTROLLER_PORT, DATA, inside, host=host) + _SELDOM
    _write(guard / "server.properties.draft", text, 0o444)
    os.replace(guard / "server.properties.draft", settings)


# Nothing here is kept for so short a time that anybody need look for it twice a second, in each of a thousand partitions.
_SELDOM = "log.retention.check.interval.ms=60000\nlog.cleaner.backoff.ms=15000\n"
# For the health check alone.
_CLIENT = """\
security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location={authority}
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="{admin}" password="{password}";
"""


def _write(path: Path, text: str, mode: int) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    path.chmod(mode)


if __name__ == "__main__":
    folder, password_file, trusted, address = sys.argv[1:]
    name, _, number = address.rpartition(":")
    write(Path(folder), Path(password_file), Path(trusted), name, int(number))
