"""A web server of the tests that hands out a repository, and can be told to do so badly."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


@dataclass
class Misbehaviour:
    """What is wrong with the server, for paths that ``match``."""

    match: str = "$."
    endless: bool = False
    cut_after: int | None = None
    silent_after: int | None = None
    replace: bytes | None = None
    ignore_range: bool = False


@dataclass
class RepositoryServer:
    """Serves ``folder`` on 127.0.0.1; ``asked`` are the paths and ranges that were asked for."""

    folder: Path
    fault: Misbehaviour = field(default_factory=Misbehaviour)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        server = self
        self.let_go = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"
            timeout = 10

            def do_GET(self) -> None:
                try:
                    server._answer(self)
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # The name is the library's.
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range", "")
        self.asked.append((handler.path, asked))
        path = self.folder / handler.path.lstrip("/")
        fault = self.fault if re.search(self.fault.match, handler.path) else Misbehaviour()
        if not path.is_file() and fault.replace is None:
            handler.send_error(404)
            return
        data = path.read_bytes() if fault.replace is None else fault.replace
        begin = 0
        if asked and not fault.ignore_range:
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
            if begin >= len(data):
                handler.send_error(416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else:
            handler.send_response(200)
        if not fault.endless:
            handler.send_header("Content-Length", str(len(data) - begin))
        handler.end_headers()
        self._send(handler, data[begin:], fault)

    def _send(self, handler: BaseHTTPRequestHandler, data: bytes, fault: Misbehaviour) -> None:
        if fault.cut_after is not None:
            handler.wfile.write(data[: fault.cut_after])
            return
        if fault.silent_after is not None:
            handler.wfile.write(data[: fault.silent_after])
            handler.wfile.flush()
            self.let_go.wait(30)
            return
        handler.wfile.write(data)
        while fault.endless and not self.let_go.is_set():
            handler.wfile.write(bytes(64 * 1024))
