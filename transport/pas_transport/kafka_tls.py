"""Says why a TLS connection cannot be made, which kafka-python only writes into its log while it tries again."""

from __future__ import annotations

import re
import socket
import ssl

# A broker that refuses a client's certificate says so after the handshake, as far as this side can tell (TLS 1.3), and at once.
REFUSAL_SECONDS = 2.0
_ABOUT_US = re.compile("ALERT.*(CERTIFICATE|UNKNOWN_CA)")


def find_fault(bootstrap: str, context: ssl.SSLContext | None, seconds: float) -> str | None:
    """What is wrong with the first broker in a few words (an expired certificate, another authority, no TLS at all), or None."""
    if context is None:
        return None
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), seconds) as plain, context.wrap_socket(plain, server_hostname=host) as safe:
            safe.settimeout(min(seconds, REFUSAL_SECONDS))
            safe.recv(1)
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message or "its certificate is not trusted"
    except ssl.SSLError as error:
        if _ABOUT_US.search(error.reason or ""):
            return "it refuses this client's certificate, or wants one"
        return "it does not speak TLS as this client does"
    except OSError:
        return None
