"""A whole machine: its own kernel and initramfs, disks, TPM, screens and a watchdog, which QEMU emulates.

What a container has not: ``tests.system.container`` is enough, and faster, for all else. What is on the disk is made
once for a suite and kept in HOTSPOTD_ROOTS. HOTSPOTD_QEMU_ACCELERATOR=kvm is faster, where it works.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system.container import ROOTS, plain_root
from tests.system.line import Line

# With what a Debian has whose root is ext4.
_KERNEL = ("linux-image-amd64", "initramfs-tools", "zstd", "e2fsprogs", "qemu-guest-agent", "udev")
_DISK_BYTES = 8 << 30
# A machine within a machine often has a KVM that cannot be relied on, so that it must be asked for.
_ACCELERATOR = os.environ.get("HOTSPOTD_QEMU_ACCELERATOR", "tcg")
# With KVM a few seconds; emulated, a minute or two.
_BOOT_S, _COMMAND_S = 600.0, 900.0
_FURNISH = """
mount --bind /etc/resolv.conf "$1/etc/resolv.conf"
mount --bind /etc/hosts "$1/etc/hosts"
mount -t proc proc "$1/proc"
export DEBIAN_FRONTEND=noninteractive
root=$1; shift
chroot "$root" apt-get update -qq
chroot "$root" apt-get install -y -qq --no-install-recommends "$@"
"""
_FSTAB = "/dev/vda / ext4 errors=remount-ro 0 1\n"
SCREENS = {"Virtual-1": "1280x800", "Virtual-2": "1024x600"}
"""The two outputs, as Linux names them, and what each shows."""


def furnished(suite: str, packages: tuple[str, ...]) -> Path:
    """A Debian ``suite`` with a kernel and ``packages``, in a folder: made once, then only copied."""
    root, wanted = ROOTS / f"{suite}-machine", ROOTS / f"{suite}-machine.packages"
    names = " ".join(sorted({*_KERNEL, *packages}))
    if root.is_dir() and wanted.is_file() and wanted.read_text() == names:
        return root
    shutil.rmtree(root, ignore_errors=True)
    unfinished = ROOTS / f".{suite}-machine.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(plain_root(suite)), str(unfinished)], check=True)
    for name in ("resolv.conf", "hosts"):
        (unfinished / "etc" / name).touch()
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _FURNISH, "furnish", str(unfinished)]
    subprocess.run([*command, *names.split()], check=True, stdout=subprocess.DEVNULL)
    (unfinished / "etc/fstab").write_text(_FSTAB)
    (unfinished / "etc/hostname").write_text("kiosk\n")
    unfinished.rename(root)
    wanted.write_text(names)
    return root


def disk_of(root: Path, image: Path) -> Path:
    """A disk that holds what is in the folder ``root``."""
    empty_disk(image, _DISK_BYTES)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(image)], check=True)
    return image


def empty_disk(image: Path, size: int) -> Path:
    """A disk of ``size`` bytes on which nothing has been written."""
    with image.open("wb") as file:
        file.truncate(size)
    return image


class Machine:
    """One that stands in ``folder`` with its disk; switched on and off by its methods."""

    def __init__(self, folder: Path, system: Path) -> None:
        self.folder = folder
        self.share = folder / "share"
        self.share.mkdir(parents=True)
        self._disk = folder / "disk"
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(system), str(self._disk)], check=True)
        self._qemu: subprocess.Popen[bytes] | None = None
        self._chip: subprocess.Popen[bytes] | None = None
        self._agent: Line | None = None
        self._monitor: Line | None = None

    def switch_on(self, *, chip: str = "", disks: tuple[Path, ...] = ()) -> None:
        """Boot with the TPM of that name, if any, and ``disks`` as /dev/vdb and on, until all units have come up."""
        options = self._chip_beside(chip) if chip else []
        options += ["-kernel", str(self._from_disk("vmlinuz")), "-initrd", str(self._from_disk("initrd.img"))]
        shown = " ".join(f"video={name}:{size}e" for name, size in SCREENS.items())
        options += ["-append", f"root=/dev/vda rw console=ttyS0 panic=0 {shown}"]
        for number, path in enumerate((self._disk, *disks)):
            options += ["-drive", f"if=none,id=disk{number},file={path},format=raw,cache=unsafe"]
            options += ["-device", f"virtio-blk-pci,drive=disk{number},serial=disk{number}"]
        self._qemu = subprocess.Popen([*self._hardware(), *options], stdin=subprocess.DEVNULL)
        self._monitor = Line(self.folder / "monitor", self._qemu)
        self._monitor.greet()
        self._agent = Line(self.folder / "agent", self._qemu)
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Until the system within answers and its units have come up."""
        end = time.monotonic() + _BOOT_S
        assert self._agent is not None
        while not self._agent.is_awake():
            assert time.monotonic() < end, self.console()
        self.run("systemctl", "is-system-running", "--wait", fails=None)

    def run(self, *command: str, fails: bool | None = False) -> str:
        """What ``command`` printed; it must end with 0, or must not where it ``fails``; None: either."""
        assert self._agent is not None
        path = {"path": command[0], "arg": list(command[1:]), "capture-output": True}
        pid = self._agent.ask("guest-exec", **path)["pid"]
        end = time.monotonic() + _COMMAND_S
        while not (done := self._agent.ask("guest-exec-status", pid=pid))["exited"]:
            assert time.monotonic() < end, f"{command} goes on\n{self.console()}"
            time.sleep(0.05)
        said = "".join(base64.b64decode(done.get(key, "")).decode(errors="replace") for key in ("out-data", "err-data"))
        code = done.get("exitcode", -1)
        assert fails is None or (code != 0) == fails, f"{command}: {code}\n{said}\n{self.console()}"
        return said

    def shell(self, script: str, *, fails: bool | None = False) -> str:
        """What a shell said."""
        return self.run("/bin/sh", "-ec", script, fails=fails)

    def picture(self, head: int, path: Path) -> Path:
        """What output ``head`` shows, as PPM."""
        assert self._monitor is not None
        self._monitor.ask("screendump", filename=str(path), device="gpu", head=head)
        return path

    def waits_for_event(self, name: str, *, at_most_s: float) -> dict[str, Any]:
        """The monitor's next event of that name."""
        assert self._monitor is not None
        return self._monitor.event(name, at_most_s)

    def hang(self) -> None:
        """Have its kernel crash, and stay so."""
        assert self._agent is not None
        self._agent.tell("guest-exec", path="/bin/sh", arg=["-c", "echo c >/proc/sysrq-trigger"])

    def power_off(self) -> None:
        """As it should be."""
        assert self._agent is not None
        assert self._qemu is not None
        self._agent.tell("guest-shutdown", mode="powerdown")
        self._qemu.wait(_BOOT_S)
        self._end()

    def cut_power(self) -> None:
        """In the middle of whatever it does."""
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()
        self._end()

    def console(self) -> str:
        """The end of what it said on its serial line."""
        return (self.folder / "console").read_text(errors="replace")[-6000:]

    def _end(self) -> None:
        for line in (self._agent, self._monitor):
            if line is not None:
                line.close()
        if self._chip is not None:
            self._chip.terminate()
            self._chip.wait()
        self._agent = self._monitor = self._qemu = self._chip = None

    def _chip_beside(self, name: str) -> list[str]:
        """Start the TPM of that name; what QEMU is told to use it."""
        state = self.folder / name
        state.mkdir(exist_ok=True)
        control = self.folder / "chip.socket"
        control.unlink(missing_ok=True)
        self._chip = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={control}"]
        )
        while not control.exists():
            assert self._chip.poll() is None, "swtpm has ended"
        options = ["-chardev", f"socket,id=chip,path={control}"]
        return [*options, "-tpmdev", "emulator,id=tpm,chardev=chip", "-device", "tpm-crb,tpmdev=tpm"]

    def _hardware(self) -> list[str]:
        """The machine without its disks."""
        command = ["qemu-system-x86_64", "-machine", f"q35,accel={_ACCELERATOR}", "-cpu", "max"]
        command += ["-smp", "2", "-m", "3072", "-nodefaults", "-display", "none"]
        command += ["-chardev", f"file,id=console,path={self.folder / 'console'}", "-serial", "chardev:console"]
        command += ["-qmp", f"unix:{self.folder / 'monitor'},server=on,wait=off"]
        command += ["-device", "virtio-serial-pci"]
        command += ["-chardev", f"socket,id=agent,path={self.folder / 'agent'},server=on,wait=off"]
        command += ["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
        command += ["-device", f"virtio-gpu-pci,id=gpu,max_outputs={len(SCREENS)}", "-device", "virtio-tablet-pci"]
        # The watchdog of its chip set, which is told to reset the machine and not only to say so.
        command += ["-global", "ICH9-LPC.noreboot=false", "-action", "watchdog=reset"]
        return [*command, "-virtfs", f"local,path={self.share},mount_tag=share,security_model=none,readonly=on"]

    def _from_disk(self, name: str) -> Path:
        """A file of /boot, as the boot loader would read it."""
        listed = subprocess.run(
            ["debugfs", "-R", "ls -p /boot", str(self._disk)], capture_output=True, text=True, check=True
        ).stdout
        (found,) = re.findall(rf"/({name}-[^/]+)/", listed)
        path = self.folder / name
        command = ["debugfs", "-R", f"dump /boot/{found} {path}", str(self._disk)]
        subprocess.run(command, capture_output=True, check=True)
        return path


@contextmanager
def machine(folder: Path, disk: Path) -> Iterator[Machine]:
    """One with a copy of ``disk``, switched off; gone afterwards."""
    made = Machine(folder, disk)
    try:
        yield made
    finally:
        made.cut_power()
        shutil.rmtree(folder)
