"""What the kernel and udev say of plugged devices: taken apart as bytes, and heard on the real netlink socket."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hotplug import KERNEL_GROUP, UDEV_GROUP, HotplugMonitor, Uevent, parse
from tests.drivers.conftest import open_files

ADDED = ("ACTION=add", "DEVPATH=/devices/usb1/1-1/ttyUSB0", "SUBSYSTEM=tty", "DEVNAME=ttyUSB0", "SEQNUM=4711")


def from_kernel(*variables: str) -> bytes:
    return b"add@/devices/usb1/1-1/ttyUSB0\0" + "".join(f"{one}\0" for one in variables).encode()


def from_udev(*variables: str, magic: int = 0xFEEDCAFE) -> bytes:
    content = "".join(f"{one}\0" for one in variables).encode()
    # prefix, magic, header_size, properties_off, properties_len, then hashes and a bloom filter.
    head = struct.pack("=8s4sIII", b"libudev\0", magic.to_bytes(4, "big"), 40, 40, len(content))
    return head.ljust(40, b"\0") + content


def send(datagram: bytes, group: int) -> None:
    """As the kernel or udev would; only root may, and only where the network namespace is ours."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15) as sender:
            sender.sendto(datagram, (0, group))
    except OSError as error:
        pytest.skip(f"no uevent can be sent on this machine: {error.strerror}")


def test_a_device_that_comes_is_told_by_both() -> None:
    expected = Uevent("add", "tty", "ttyUSB0")
    assert parse(from_kernel(*ADDED)) == expected
    assert parse(from_udev(*ADDED[:3], "DEVNAME=/dev/ttyUSB0")) == expected
    assert expected.appears


@pytest.mark.parametrize(
    "variables",
    [
        ("ACTION=remove", "SUBSYSTEM=tty", "DEVNAME=ttyUSB0"),
        ("ACTION=add", "SUBSYSTEM=module"),
        ("ACTION=change", "SUBSYSTEM=block", "DEVNAME=sda"),
    ],
)
def test_what_goes_changes_or_has_no_file_is_nothing_that_comes(variables: tuple[str, ...]) -> None:
    event = parse(from_kernel(*variables))
    assert event is not None
    assert not event.appears


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"libudev\0",
        b"no head\0ACTION=add\0SUBSYSTEM=tty\0",
        from_kernel("SUBSYSTEM=tty"),
        from_udev(*ADDED, magic=0xDEADBEEF),
        from_udev(*ADDED)[:50],
    ],
)
def test_what_says_nothing_is_passed_over(datagram: bytes) -> None:
    assert parse(datagram) is None


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: b"libudev\0" + tail)))
def test_no_datagram_upsets_the_parser(datagram: bytes) -> None:
    event = parse(datagram)
    assert event is None or event.action is not None


@pytest.mark.parametrize(
    ("group", "datagram"),
    [(KERNEL_GROUP, from_kernel(*ADDED)), (UDEV_GROUP, from_udev(*ADDED))],
    ids=["kernel", "udev"],
)
async def test_it_is_heard_on_the_real_socket(group: int, datagram: bytes) -> None:
    heard = asyncio.Event()
    monitor = HotplugMonitor(heard.set)
    if not monitor.start():
        pytest.skip("no uevents on this machine")
    try:
        await asyncio.to_thread(send, from_kernel("ACTION=remove", "SUBSYSTEM=tty", "DEVNAME=ttyUSB0"), group)
        await asyncio.to_thread(send, datagram, group)
        async with asyncio.timeout(10):
            await heard.wait()
    finally:
        monitor.close()


async def test_more_than_the_socket_holds_counts_as_an_arrival() -> None:
    heard = asyncio.Event()
    monitor = HotplugMonitor(heard.set)
    if not monitor.start():
        pytest.skip("no uevents on this machine")
    try:
        gone = from_kernel("ACTION=remove", "SUBSYSTEM=tty", "FILL=" + "x" * 6000)
        # On the loop's thread, so that nothing is taken meanwhile.
        for _ in range(200):
            send(gone, KERNEL_GROUP)
        async with asyncio.timeout(10):
            await heard.wait()
    finally:
        monitor.close()


async def test_where_it_may_not_listen_it_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    before = await asyncio.to_thread(open_files)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", refused)
        monitor = HotplugMonitor(lambda: None)
        assert not monitor.start()
    monitor.close()
    assert await asyncio.to_thread(open_files) == before
