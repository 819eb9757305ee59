"""How much is given to a line at a time. The line and its clock are the test's own."""

from __future__ import annotations

from hotspotd.relay.links.flow import UnderWay


class Line:
    """Takes ``rate`` bytes a second, and has the rest waiting."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.now = 0.0
        self.waiting = 0.0

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.waiting = max(self.waiting - self.rate * seconds, 0.0)


def run(rate: float, seconds: float, piece: int = 2048) -> tuple[float, float]:
    """Bytes a second that went through, and the most seconds of them that waited after the first two seconds."""
    line = Line(rate)
    under_way = UnderWay(lambda: int(line.waiting), lambda: line.now)
    sent, longest = 0, 0.0
    while line.now < seconds:
        while under_way.room():
            under_way.sent(piece)
            line.waiting += piece
            sent += piece
        if line.now > 2.0:
            longest = max(longest, line.waiting / rate)
        line.pass_time(0.02)
    return (sent - line.waiting) / seconds, longest


def test_a_thin_line_is_kept_busy_with_little_under_way() -> None:
    rate, longest = run(8_000, 60)
    assert rate > 0.99 * 8_000
    assert longest < 1.7


def test_a_fast_line_is_filled() -> None:
    rate, longest = run(10_000_000, 20)
    assert rate > 0.8 * 10_000_000
    assert longest < 1.7


def test_a_line_that_stands_still_is_given_no_more() -> None:
    line = Line(0.0)
    under_way = UnderWay(lambda: int(line.waiting), lambda: line.now)
    while under_way.room():
        under_way.sent(2048)
        line.waiting += 2048
        line.pass_time(0.02)
    assert line.waiting <= 12_288
    line.pass_time(100.0)
    assert not under_way.room()
    assert under_way.taken() == 0
