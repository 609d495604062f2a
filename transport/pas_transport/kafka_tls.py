"""Says why a TLS connection cannot be made, which kafka-python only writes into its log while it tries again."""

from __future__ import annotations

import socket
import ssl


def find_fault(bootstrap: str, context: ssl.SSLContext | None, seconds: float) -> str | None:
    """The first broker's fault in a few words (an expired certificate, another authority, no TLS at all), or None."""
    if context is None:
        return None
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), seconds) as plain, context.wrap_socket(plain, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message or "its certificate is not trusted"
    except ssl.SSLError:
        return "it does not speak TLS as this client does"
    except OSError:
        return None
