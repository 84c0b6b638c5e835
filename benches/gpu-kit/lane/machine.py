"""What machine this is: driver, devices and their bus, kernel, shared memory, limits, libraries."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import bounded
from kit import has_all_processes, with_driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit import Kit

LIBRARIES = ("numpy", "torch", "cupy-cuda13x", "cupy-cuda12x", "cupy", "jax", "jaxlib", "pytest", "pyarrow")
QUERY = (
    "name,driver_version,pci.bus_id,pcie.link.gen.current,pcie.link.gen.max,pcie.link.width.current,"
    "pcie.link.width.max,memory.total,clocks.sm,clocks.mem,persistence_mode,mig.mode.current,compute_mode"
)
LIMITS = {"locked bytes": "MEMLOCK", "open files": "NOFILE", "processes": "NPROC", "core bytes": "CORE"}


def probe_driver(kit: Kit) -> dict[str, object]:
    """Ask the driver of this lane about itself."""
    program = str(Path(__file__).with_name("driver_probe.py"))
    ended = bounded.run([sys.executable, program], 60, with_driver(kit))
    try:
        described: dict[str, object] = json.loads(ended.output.splitlines()[-1])
    except (IndexError, ValueError):
        return {"missing": f"the CUDA driver could not be asked: {ended.tail(500)}"}
    return described


@contextlib.contextmanager
def awake(kit: Kit) -> Iterator[None]:
    """Keep the device started for as long as the lane takes."""
    words = [sys.executable, str(Path(__file__).with_name("driver_probe.py")), "hold"]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=nowhere, env=with_driver(kit)) as holder:
        try:
            yield
        finally:
            holder.kill()


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return None


def _on_the_bus(devices: list[dict[str, object]]) -> list[dict[str, object]]:
    """Give what the kernel knows of the devices' place on the bus, which decides how fast copies can be."""
    names = ("numa_node", "local_cpulist", "current_link_speed", "current_link_width", "max_link_speed")
    found: list[dict[str, object]] = []
    for device in devices:
        bus = str(device.get("bus")).lower()
        folder = f"/sys/bus/pci/devices/{bus}"
        found.append({"bus": bus, **{name: _read(f"{folder}/{name}") for name in (*names, "max_link_width")}})
    return found


def _nvidia_smi(kit: Kit) -> dict[str, object]:
    if kit.is_double or shutil.which("nvidia-smi") is None:
        return {"nvidia-smi": "not asked" if kit.is_double else "not installed"}
    asked = bounded.run(["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader"], 30, kit.environment)
    values = [line.split(", ") for line in asked.output.splitlines()]
    table = [dict(zip(QUERY.split(","), line, strict=False)) for line in values]
    topology = bounded.run(["nvidia-smi", "topo", "-m"], 30, kit.environment)
    everything = bounded.run(["nvidia-smi", "-q"], 30, kit.environment)
    kit.note(f"--- nvidia-smi -q\n{everything.output[:40000]}")
    return {"nvidia-smi": table, "topology": topology.output.splitlines(), "nvidia-smi -q": "in log.txt"}


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _mount_of(path: str) -> str | None:
    mounts = [line.split(" ") for line in (_read("/proc/self/mounts") or "").splitlines()]
    return next((f"{words[2]} {words[3]}" for words in reversed(mounts) if words[1] == path), None)


def _makes_segments() -> str:
    """Try what a segment needs of `/dev/shm`: an unnamed file, reserved pages, a lock, and then a name."""
    name = Path(f"/dev/shm/zenoh-pinned-lane-{os.getpid()}")
    try:
        file = os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(file, 0, 1 << 20)
            fcntl.flock(file, fcntl.LOCK_SH)
            # By way of the descriptor's own name in /proc, which is a link.
            directory = os.open("/dev/shm", os.O_RDONLY)
            os.link(f"/proc/self/fd/{file}", name.name, dst_dir_fd=directory, follow_symlinks=True)
            os.close(directory)
        finally:
            os.close(file)
            name.unlink(missing_ok=True)
    except OSError as error:
        return f"no: {error}"
    return "yes"


def _shared_memory(kit: Kit) -> dict[str, object]:
    space = os.statvfs("/dev/shm")
    return {
        "mount": _mount_of("/dev/shm"),
        "O_TMPFILE, fallocate, flock and a name": _makes_segments(),
        "user namespaces": bounded.run(["unshare", "--user", "true"], 10, kit.environment).succeeded,
        "bytes": space.f_blocks * space.f_frsize,
        "free bytes": space.f_bavail * space.f_frsize,
        "huge pages": _read("/sys/kernel/mm/transparent_hugepage/shmem_enabled"),
        "own for tests": " ".join(kit.alone[:3]) if kit.alone else "cannot be had here",
    }


def _processor() -> str | None:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return None


def describe(kit: Kit) -> dict[str, object]:
    """Tell everything of the machine that decides figures."""
    driver = kit.driver
    devices = driver.get("devices")
    limits = {key: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for key, name in LIMITS.items()}
    kernel_driver = _read("/proc/driver/nvidia/version")
    return {
        "driver": driver,
        "kernel module": kernel_driver.splitlines()[0] if kernel_driver and not kit.is_double else None,
        "on the bus": _on_the_bus(devices) if isinstance(devices, list) and not kit.is_double else [],
        **_nvidia_smi(kit),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "processors usable": len(os.sched_getaffinity(0)),
        "numa nodes": _read("/sys/devices/system/node/online"),
        "memory": (_read("/proc/meminfo") or "").splitlines()[:3],
        "kernel": f"{platform.system()} {platform.release()} {platform.version()}",
        "C library": os.confstr("CS_GNU_LIBC_VERSION"),
        "pid namespace": "the machine's" if has_all_processes() else "a container's",
        "lists locks": _read("/proc/locks") is not None,
        "iommu groups": len(os.listdir("/sys/kernel/iommu_groups"))
        if Path("/sys/kernel/iommu_groups").is_dir()
        else None,
        "user": os.geteuid(),
        "limits, soft and hard; -1 is none": limits,
        "shared memory": _shared_memory(kit),
        "python": sys.version,
        "libraries": _versions(),
    }
