"""Answers `/metrics`, `/health` and `/ready` over HTTP, from a thread of the supervisor; it takes nothing in but a path."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, SHUT_RD
from typing import Any, ClassVar

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from pas_gateway.monitor import Monitor
from pas_schemas.errors import SettingsError
from pas_transport.settings import split_address

# Connections that are answered at a time, and how long one may take to say what it wants, and to take what it is told: whoever may ask may
# not block.
MAX_CONNECTIONS = 16
REQUEST_SECONDS = 5.0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Nothing is unfinished in a thread that only answers: the run does not wait for a slow reader.
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], monitor: Monitor) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        self.monitor = monitor
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        # Until when each connection may say what it wants; however little of it comes, and however often.
        self._unheard: dict[Any, float] = {}
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._unheard[request] = time.monotonic() + REQUEST_SECONDS
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._unheard.pop(request, None)
            self._free.release()

    def note_heard(self, request: Any) -> None:
        """It has said what it wants."""
        self._unheard.pop(request, None)

    def service_actions(self) -> None:
        """Twice a second: whoever takes too long is not listened to any more."""
        now = time.monotonic()
        for request in [one for one, until in list(self._unheard.items()) if now >= until]:
            with suppress(OSError):
                request.shutdown(SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is nobody's trouble but its own."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout: ClassVar[float] = REQUEST_SECONDS
    server_version, sys_version = "pas", ""

    def do_GET(self) -> None:
        self.server.note_heard(self.connection)
        monitor = self.server.monitor
        match self.path:
            case "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, monitor.scrape())
            case "/health":
                self._tell(monitor.check_health())
            case "/ready":
                self._tell(monitor.check_readiness())
            case _:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics, /health, /ready\n")

    def _tell(self, checks: Mapping[str, bool]) -> None:
        well = all(checks.values())
        body = json.dumps({"ok": well, "checks": dict(checks)}).encode() + b"\n"
        self._answer(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE, "application/json", body)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # the name is the library's
        """Who asks what is not logged."""


@contextmanager
def serve(address: str, monitor: Monitor) -> Iterator[None]:
    """Answers at `host:port` while the body runs; SettingsError where nobody can listen there."""
    try:
        server = _Server(split_address(address), monitor)
    except OSError as error:
        raise SettingsError(f"`metrics_address` cannot be listened on: {error.strerror}.", "is another gateway there already?") from None
    thread = threading.Thread(target=server.serve_forever, name="endpoint", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
