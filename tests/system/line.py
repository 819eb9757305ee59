"""Speaking JSON with QEMU's monitor, and with the agent in the machine that it emulates."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

_GREETING_S, _ANSWER_S = 60.0, 60.0


class Line:
    """One of QEMU's sockets on which JSON is spoken, a line for each word: the monitor or the agent within."""

    def __init__(self, path: Path, qemu: subprocess.Popen[bytes]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self._socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                assert qemu.poll() is None, "QEMU has ended"
                time.sleep(0.05)
        self._rest = b""
        self._events: list[dict[str, Any]] = []

    def greet(self) -> None:
        """Begin with the monitor."""
        self._word(_GREETING_S)
        self.ask("qmp_capabilities")

    def is_awake(self) -> bool:
        """Whether the agent answers within a second; what it was asked before is forgotten."""
        number = time.monotonic_ns() & 0x7FFFFFFF
        self._rest = b""
        try:
            self.tell("guest-sync", id=number)
            while self._word(1.0).get("return") != number:
                continue
        except (TimeoutError, ValueError):
            return False
        return True

    def tell(self, command: str, **arguments: Any) -> None:
        """Say it and await no answer."""
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")

    def ask(self, command: str, **arguments: Any) -> Any:
        """The answer."""
        self.tell(command, **arguments)
        while "event" in (word := self._word(_ANSWER_S)):
            self._events.append(word)
        assert "return" in word, (command, word)
        return word["return"]

    def event(self, name: str, at_most_s: float) -> dict[str, Any]:
        """The next event of that name, of those that nobody has taken yet."""
        end = time.monotonic() + at_most_s
        while True:
            while self._events:
                if (event := self._events.pop(0))["event"] == name:
                    return event
            self._events.append(self._word(max(end - time.monotonic(), 0.01)))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _word(self, at_most_s: float) -> dict[str, Any]:
        self._socket.settimeout(at_most_s)
        while b"\n" not in self._rest:
            more = self._socket.recv(1 << 16)
            if not more:
                raise AssertionError("QEMU hung up")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        word: dict[str, Any] = json.loads(line)
        return word
