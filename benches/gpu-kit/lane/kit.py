"""The unpacked kit, the driver that it is run with, and what the programs of the kit are started with."""

from __future__ import annotations

import json
import os
import resource
import time
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bounded

if TYPE_CHECKING:
    from pathlib import Path

DOUBLE = "driver double: proves order, not speed"
OWN_SHARED_MEMORY = 'mount -t tmpfs -o size=8g tmpfs /dev/shm && exec "$@"'
NAMESPACES = (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])


@dataclass
class Kit:
    """Where everything is, and until when all of it must have ended."""

    folder: Path
    out: Path
    is_double: bool
    deadline: float
    device: str = DOUBLE
    alone: list[str] = field(default_factory=list)
    """The words before a command that give it a `/dev/shm` of its own; none where that cannot be had."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def built(self) -> Path:
        """The folder of the programs and of the driver double."""
        return self.folder / "built"

    def remaining(self) -> float:
        """Seconds until the deadline of the lane."""
        return self.deadline - time.monotonic()

    def manifest(self) -> dict[str, object]:
        """Tell what the kit was built from."""
        manifest: dict[str, object] = json.loads((self.folder / "manifest.json").read_text())
        return manifest

    def say(self, text: str) -> None:
        """Print a line of progress, and note it in the log."""
        line = f"[{time.strftime('%H:%M:%S')}, {self.remaining():3.0f} s left] {text}"
        print(line, flush=True)
        self.note(line)

    def note(self, text: str) -> None:
        """Write something to the log alone."""
        with (self.out / "log.txt").open("a", errors="replace") as log:
            log.write(text.rstrip("\n") + "\n")

    def write(self, name: str, contents: dict[str, object]) -> None:
        """Write a result, with the device that it was made on and what was built."""
        labelled = {"device": self.device, "kit": self.manifest(), **contents}
        (self.out / name).write_text(json.dumps(labelled, indent=1) + "\n")


def open_kit(folder: Path, out: Path, is_double: bool, seconds: float) -> Kit:
    """Get the kit ready to run: the driver, the Python package, `/dev/shm` and locked memory."""
    kit = Kit(folder, out, is_double, time.monotonic() + seconds)
    (out / "log.txt").write_text("")
    kit.environment = dict(os.environ)
    kit.environment["RUST_BACKTRACE"] = "1"
    kit.environment["PYTHONUNBUFFERED"] = "1"
    kit.environment.pop("ZENOH_PINNED_TEST_DRIVER", None)
    if not is_double:
        kit.environment["ZENOH_PINNED_TEST_DRIVER"] = "real"
        kit.environment["ZENOH_PINNED_CUDA"] = "real"
    _unpack_wheel(kit)
    _raise_locked_memory()
    for words in NAMESPACES:
        words = [*words, "sh", "-c", OWN_SHARED_MEMORY, "sh"]
        if bounded.run([*words, "true"], 10, kit.environment).succeeded:
            kit.alone = words
            break
    if kit.alone and not has_all_processes():
        # Nobody outside this container shares a /dev/shm that was made for one program of the lane.
        kit.environment.setdefault("ZENOH_PINNED_RECLAIM", "namespace")
    return kit


def has_all_processes() -> bool:
    """Tell whether this is the machine's own pid namespace and no container's."""
    return os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"


def with_driver(kit: Kit) -> dict[str, str]:
    """Give the environment in which programs find the lane's driver, the double where it is that."""
    if not kit.is_double:
        return dict(kit.environment)
    folder = kit.folder / "driver-double"
    folder.mkdir(exist_ok=True)
    for name in ("libcuda.so", "libcuda.so.1"):
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(kit.built / "libcuda_driver_double.so")
    return {**kit.environment, "LD_LIBRARY_PATH": str(folder), "CUDA_DOUBLE": "devices=2"}


def _unpack_wheel(kit: Kit) -> None:
    for wheel in kit.folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as package:
            package.extractall(kit.folder / "package")
    own = f"{kit.folder / 'package'}{os.pathsep}{kit.folder / 'python-tests'}"
    others = kit.environment.get("PYTHONPATH")
    kit.environment["PYTHONPATH"] = f"{own}{os.pathsep}{others}" if others else own


def _raise_locked_memory() -> None:
    """As much as this process may; zenoh locks what it shares."""
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for most in (resource.RLIM_INFINITY, hard):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))
        except (OSError, ValueError):
            continue
        return
