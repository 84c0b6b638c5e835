"""The unpacked kit, the driver that it is run with, and what the programs of the kit are started with."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bounded

if TYPE_CHECKING:
    from typing import Any

DOUBLE = "driver double: proves order, not speed"
OWN_SHARED_MEMORY = 'mount -t tmpfs -o size=8g tmpfs /dev/shm && exec "$@"'
STATE = "kit.json"


@dataclass
class Kit:
    """Where everything is, and until when all of it must have ended."""

    folder: Path
    out: Path
    is_double: bool
    deadline: float
    brief: bool = False
    """Each stage does its least, to see that the lane works."""
    device: str = DOUBLE
    driver: dict[str, Any] = field(default_factory=dict)
    alone: list[str] = field(default_factory=list)
    """The words before a command that give it a `/dev/shm` of its own; none where that cannot be had."""
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, deadline: float) -> Kit:
        """Read what `save` wrote, for a stage that must have ended by then."""
        state = json.loads((folder / STATE).read_text())
        paths = {"folder": folder, "out": Path(state["out"])}
        # The stage's own: a mark that it is one, and whatever it is told in its environment.
        environment = {**os.environ, **state["environment"]}
        return cls(**{**state, **paths, "deadline": deadline, "environment": environment})

    def save(self) -> None:
        """Write it into the kit's folder."""
        (self.folder / STATE).write_text(json.dumps(asdict(self), default=str))

    @property
    def built(self) -> Path:
        """The folder of the programs and of the driver double."""
        return self.folder / "built"

    def remaining(self) -> float:
        """Seconds until the deadline."""
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


def open_kit(folder: Path, out: Path, is_double: bool, seconds: float) -> Kit:
    """Get the kit ready to run: the driver, the Python package, `/dev/shm` and locked memory."""
    kit = Kit(folder, out, is_double, time.monotonic() + seconds)
    (out / "log.txt").write_text("")
    own = f"{folder / 'package'}{os.pathsep}{folder / 'python-tests'}"
    others = os.environ.get("PYTHONPATH")
    kit.environment = {
        "RUST_BACKTRACE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": f"{own}{os.pathsep}{others}" if others else own,
        # Where the tests look for programs and for a Python with the released zenoh.
        "CARGO_MANIFEST_DIR": str(folder / "source" / "provider"),
        "ZENOH_PINNED_PYTHON": sys.executable,
    }
    if not is_double:
        kit.environment |= {"ZENOH_PINNED_TEST_DRIVER": "real", "ZENOH_PINNED_CUDA": "real"}
    _raise_locked_memory()
    # Root needs no user namespace, and may not be allowed one.
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    words = [*unshare, "sh", "-c", OWN_SHARED_MEMORY, "sh"]
    if bounded.run([*words, "true"], 10, os.environ).succeeded:
        kit.alone = words
    if kit.alone and not has_all_processes():
        # Nobody outside this container shares a /dev/shm that was made for one program of the lane.
        kit.environment["ZENOH_PINNED_RECLAIM"] = "namespace"
    return kit


def has_all_processes() -> bool:
    """Tell whether this is the machine's own pid namespace and no container's."""
    return os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"


def with_driver(kit: Kit) -> dict[str, str]:
    """Give the environment in which programs find the lane's driver, the double where it is that."""
    environment = {**os.environ, **kit.environment}
    if not kit.is_double:
        return environment
    folder = kit.folder / "driver-double"
    folder.mkdir(exist_ok=True)
    for name in ("libcuda.so", "libcuda.so.1"):
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(kit.built / "libcuda_driver_double.so")
    return {**environment, "LD_LIBRARY_PATH": str(folder), "CUDA_DOUBLE": "devices=2"}


def _raise_locked_memory() -> None:
    """As much as this process may; zenoh locks what it shares."""
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for most in (resource.RLIM_INFINITY, hard):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))
        except (OSError, ValueError):
            continue
        return
