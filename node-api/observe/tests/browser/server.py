"""A server such as the page's own, which can be made to fail: the page's files, a JSON and a socket."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Json, later

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).resolve().parents[2] / "src" / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: What the real server says as well.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class Application:
    """What serves the page: its title, its cards as module and style sheet, and how its figures go on."""

    title: str = "zenoh-pinned"
    cards: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    later: Callable[[Json, float], Json] = later

    def file(self, path: str) -> str | None:
        """Find the text that the real server has at a path for an application."""
        if path == "/application.js":
            cards = [{"name": name, "style": style is not None} for name, (_, style) in self.cards.items()]
            return (
                f"export const title = {json.dumps(self.title)};\nexport const cards = {json.dumps(cards)};\n"
            )
        name, _, kind = path.removeprefix("/cards/own/").partition(".")
        module, style = self.cards.get(name, (None, None))
        return {"js": module, "css": style}.get(kind)


class Server:
    """Says what `host` is, and more of it with each second; `close` ends it and `open` brings it back."""

    def __init__(self, host: Json, application: Application | None = None, port: int = 0) -> None:
        self.host = host
        self.application = application or Application()
        began = time.time()
        #: How far the host has got, and for how long the socket is quiet; twice as fast as a clock.
        self.seconds: Callable[[], float] = lambda: 2 * (time.time() - began)
        self.cadence = 0.5
        #: Takes no sockets and ends those that it has.
        self.refuses_sockets = False
        #: Keeps its sockets and says nothing over them.
        self.is_silent = False
        #: What /api/stats answers instead, as status and body; what the socket says once instead.
        self.answer: tuple[int, bytes] | None = None
        self.spoken: bytes | None = None
        #: Questions that came in by /api/stats.
        self.asked = 0
        self.port = port
        self._connections: set[socket.socket] = set()
        self._sockets: set[socket.socket] = set()
        self.open()

    def open(self) -> None:
        """Listen, on the same port as before."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer._connections.add(self.connection)

            def finish(self) -> None:
                outer._connections.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def do_GET(self) -> None:
                with contextlib.suppress(OSError):
                    outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._is_open = True
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End as a killed server does: nobody listens, and what was connected is not."""
        self._is_open = False
        self._http.shutdown()
        self._http.server_close()
        self._cut(self._connections)

    def refuse_sockets(self) -> None:
        """End all sockets and take none."""
        self.refuses_sockets = True
        self._cut(self._sockets)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    @staticmethod
    def _cut(connections: set[socket.socket]) -> None:
        for connection in list(connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _now(self) -> bytes:
        return json.dumps(self.application.later(self.host, self.seconds())).encode()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.split("?")[0]
        file = PAGE / ("index.html" if path == "/" else path[1:])
        if path == "/ws":
            self._tell(request)
        elif path == "/api/stats":
            self.asked += 1
            status, body = self.answer or (200, self._now())
            self._send(request, status, "application/json", body)
        elif file.is_file() and file.suffix in TYPES:
            self._send(request, 200, TYPES[file.suffix], file.read_bytes())
        elif (text := self.application.file(path)) is not None:
            self._send(request, 200, TYPES[file.suffix], text.encode())
        else:
            self._send(request, 404, "text/plain", b"no such file")

    def _send(self, request: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Content-Security-Policy", POLICY)
        request.send_header("X-Content-Type-Options", "nosniff")
        request.end_headers()
        request.wfile.write(body)

    def _tell(self, request: BaseHTTPRequestHandler) -> None:
        if self.refuses_sockets:
            self._send(request, 503, "text/plain", b"no sockets")
            return
        accepted = hashlib.sha1(f"{request.headers['Sec-WebSocket-Key']}{ACCEPT}".encode()).digest()
        request.send_response(101)
        request.send_header("Upgrade", "websocket")
        request.send_header("Connection", "Upgrade")
        request.send_header("Sec-WebSocket-Accept", base64.b64encode(accepted).decode())
        request.end_headers()
        request.close_connection = True
        self._sockets.add(request.connection)
        try:
            while self._is_open and not self.refuses_sockets:
                if not self.is_silent:
                    text, self.spoken = self.spoken or self._now(), None
                    length = (
                        struct.pack("!BH", 126, len(text))
                        if len(text) < 1 << 16
                        else struct.pack("!BQ", 127, len(text))
                    )
                    request.wfile.write(b"\x81" + length + text)
                time.sleep(self.cadence)
        finally:
            self._sockets.discard(request.connection)
