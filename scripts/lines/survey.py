"""What a line really does, measured with plain sockets at its ends: rate, round trip, losses, what TCP has through."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from dataclasses import asdict, dataclass

from lines.line import GATEWAY_ADDRESS, KIOSK_ADDRESS, Line, Namespace

_IP_UDP = 28
_FULL = 1400
_SMALL = 4
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Survey:
    """Rates are bit/s: ``rate_*`` of whole packets (UDP, more than fits), ``tcp_*`` of one connection's content."""

    rate_there: float
    rate_back: float
    round_trip_s: float
    loss_there: float
    loss_back: float
    tcp_there: float

    def as_json(self) -> dict[str, float]:
        """For a result file."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def survey(line: Line, *, seconds: float = 10.0, probes: int = 1000, tcp_bytes: int = 100_000) -> Survey:
    """Measure ``line``: each rate for about ``seconds``, loss with ``probes`` packets each way. Blocks."""
    loss_there, loss_back = _losses(line, probes)
    return Survey(
        rate_there=_udp_rate(line, line.kiosk, line.gateway, GATEWAY_ADDRESS, seconds),
        rate_back=_udp_rate(line, line.gateway, line.kiosk, KIOSK_ADDRESS, seconds),
        round_trip_s=_round_trip(line),
        loss_there=loss_there,
        loss_back=loss_back,
        tcp_there=_tcp_rate(line, tcp_bytes),
    )


def _udp(namespace: Namespace, timeout_s: float = _PATIENCE_S) -> socket.socket:
    with namespace.entered():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(timeout_s)
    made.bind(("0.0.0.0", 0))  # noqa: S104  # The namespace holds nothing but this line.
    return made


def _udp_rate(line: Line, source: Namespace, target: Namespace, address: str, seconds: float) -> float:
    """What arrives of more than fits, by the time between the first arrival and the last."""
    pause = (_FULL + _IP_UDP) * 8 / (line.kind.rate_bit_s * 1.3)
    quiet_s = line.kind.round_trip_s + line.kind.queue_s + 1.0
    with _udp(source) as sender, _udp(target, quiet_s) as receiver:
        to = (address, receiver.getsockname()[1])
        thread = threading.Thread(target=_send_paced, args=(sender, to, _FULL, int(seconds / pause), pause))
        thread.start()
        arrivals: list[float] = []
        try:
            while True:
                receiver.recv(_FULL)
                arrivals.append(time.monotonic())
        except TimeoutError:
            thread.join()
    # Packets that were lost on the way have used the line all the same.
    used = (len(arrivals) - 1) / (1 - line.kind.loss)
    return used * (_FULL + _IP_UDP) * 8 / (arrivals[-1] - arrivals[0])


def _send_paced(sender: socket.socket, to: tuple[str, int], size: int, packets: int, pause: float) -> None:
    begin = time.monotonic()
    for number in range(packets):
        sender.sendto(number.to_bytes(4, "big").ljust(size, b"\0"), to)
        time.sleep(max(begin + (number + 1) * pause - time.monotonic(), 0.0))


def _round_trip(line: Line, probes: int = 15) -> float:
    """Median of small packets on an idle line."""
    times: list[float] = []
    with _udp(line.kiosk, line.kind.round_trip_s * 2 + 1.0) as sender, _udp(line.gateway) as far:
        echo = threading.Thread(target=_echo, args=(far,))
        echo.start()
        to = (GATEWAY_ADDRESS, far.getsockname()[1])
        for number in range(probes):
            sent = time.monotonic()
            sender.sendto(number.to_bytes(4, "big"), to)
            try:
                while int.from_bytes(sender.recv(64), "big") != number:
                    continue
            except TimeoutError:
                continue
            times.append(time.monotonic() - sent)
        _end_echo(line, far)
        echo.join()
    return statistics.median(times)


def _echo(far: socket.socket) -> list[int]:
    """Send back what comes until an empty packet; how many came."""
    came: list[int] = []
    while True:
        packet, source = far.recvfrom(64)
        if not packet:
            return came
        came.append(int.from_bytes(packet, "big"))
        far.sendto(packet, source)


def _end_echo(line: Line, far: socket.socket) -> None:
    # From the echo's own side, so that the line cannot lose it.
    with _udp(line.gateway) as near:
        near.sendto(b"", ("127.0.0.1", far.getsockname()[1]))


def _losses(line: Line, probes: int) -> tuple[float, float]:
    pause = (_SMALL + _IP_UDP) * 8 / (line.kind.rate_bit_s * 0.8)
    back = 0
    with _udp(line.kiosk, line.kind.round_trip_s + 1.0) as sender, _udp(line.gateway, 60.0) as far:
        arrived: list[int] = []
        echo = threading.Thread(target=lambda: arrived.extend(_echo(far)))
        echo.start()
        to = (GATEWAY_ADDRESS, far.getsockname()[1])
        sending = threading.Thread(target=_send_paced, args=(sender, to, _SMALL, probes, pause))
        sending.start()
        try:
            while True:
                sender.recv(64)
                back += 1
        except TimeoutError:
            sending.join()
        _end_echo(line, far)
        echo.join()
    return 1 - len(arrived) / probes, 1 - back / max(len(arrived), 1)


def _tcp_rate(line: Line, size: int) -> float:
    """Content per second of one connection, from its opening until the far end has everything."""
    with line.gateway.entered():
        server = socket.create_server(("0.0.0.0", 0))  # noqa: S104  # The namespace holds nothing but this line.
    with server, line.kiosk.entered():
        begin = time.monotonic()
        with socket.create_connection((GATEWAY_ADDRESS, server.getsockname()[1]), timeout=60.0) as client:
            far, _ = server.accept()
            with far:
                sending = threading.Thread(target=_send_all, args=(client, size))
                sending.start()
                left = size
                while left and (data := far.recv(65_536)):
                    left -= len(data)
                sending.join()
    return size * 8 / (time.monotonic() - begin)


def _send_all(client: socket.socket, size: int) -> None:
    client.settimeout(600.0)
    client.sendall(bytes(size))
    client.shutdown(socket.SHUT_WR)
