"""Builds and packs the kit: `dist/gpu-kit/` with the script to run and an archive of what it needs.

The programs are built as users build theirs, in release: the measurements are of that, and neither the tests
nor the driver double lean on debug assertions. What the workspace does not have is left out with a message.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What machines are lent with that take no more than 64 MiB, and something for the transfer's own.
MOST_BYTES = 57 << 20
PACKAGES = ("zenoh-pinned", "zenoh-pinned-node", "zenoh-pinned-python", "cuda-driver-double")
# Debian 12's, which the tests run on; the kit must run on anything newer.
NEWEST_GLIBC = (2, 36)
# A dictionary as large as several programs, which have most of their code in common.
XZ = ("xz", "--threads=1", "--x86", "--lzma2=preset=6,dict=64MiB", "--stdout")


class Failed(Exception):
    """What the kit must not be packed with."""


@dataclass(frozen=True)
class Built:
    """A program or library that cargo has made."""

    package: str
    name: str
    kind: str
    is_test: bool
    file: Path


def output_of(*words: str | Path) -> str:
    """Run a program in the root of the repository, and give what it prints."""
    done = subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, words[:2]))} failed with {done.returncode}")
    return done.stdout


def built_by(words: Sequence[str]) -> list[Built]:
    """Run cargo, and give what it says that it has made."""
    made: list[Built] = []
    for line in output_of("cargo", *words, "--message-format=json-render-diagnostics").splitlines():
        message: dict[str, Any] = json.loads(line)
        if message.get("reason") != "compiler-artifact":
            continue
        target = message["target"]
        package = re.sub(r".*[/#]([a-zA-Z_-]+)[#@][^#@]*$", r"\1", message["package_id"])
        files = [Path(name) for name in message["filenames"]]
        if message["executable"]:
            files = [Path(message["executable"])]
        is_test = message["profile"]["test"]
        made += [Built(package, target["name"], target["kind"][0], is_test, file) for file in files]
    return made


def build(tests: Sequence[str], benches: Sequence[str]) -> list[Built]:
    """Build everything, for one set of packages: another set has other features, and is built anew."""
    packages = [word for name in (*PACKAGES, *benches) for word in ("--package", name)]
    packages += ["--features", "zenoh-pinned/conformance"]
    targets = ["--lib", "--bins", "--benches", *(word for name in tests for word in ("--test", name))]
    made = built_by(["build", "--release", *packages, *targets])
    unit = built_by(["test", "--release", "--no-run", *packages, "--lib"])
    return made + [built for built in unit if built.is_test and built.package == "zenoh-pinned"]


def install(built: Built, target: Path) -> None:
    """Put one where it belongs, without its symbols."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["strip", "-o", target, built.file], check=True)
    check_glibc(target)


def check_glibc(file: Path) -> None:
    """Refuse what asks for a newer C library than the kit promises to run with."""
    symbols = output_of("objdump", "--dynamic-syms", file)
    asked = {tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_(\d+(?:\.\d+)+)", symbols)}
    newer = sorted(version for version in asked if version > NEWEST_GLIBC)
    if newer:
        raise Failed(f"{file.name} needs the C library {'.'.join(map(str, newer[-1]))}")
    if "elf64-x86-64" not in symbols:
        raise Failed(f"{file.name} is not for x86-64")


def add_programs(kit: Path, made: Sequence[Built], tests: Sequence[str], benches: Sequence[str]) -> None:
    """Add the tests, the benchmarks, the driver double and the library of the Python package."""
    built = kit / "built"
    for one in made:
        if one.kind == "test" and one.name in tests:
            install(one, built / "deps" / one.name)
        elif one.kind == "lib" and one.is_test:
            install(one, built / "deps" / "unit")
        elif one.package in benches and one.kind in ("bin", "bench"):
            install(one, built / one.name)
        elif one.name == "cuda_driver_double" and one.file.suffix == ".so":
            install(one, built / one.file.name)
        elif one.package == "zenoh-pinned-python" and one.file.suffix == ".so":
            install(one, kit / "package" / "zenoh_pinned" / "_native.abi3.so")
    missing = {*tests, "unit"} - {path.name for path in (built / "deps").iterdir()}
    if missing:
        raise Failed(f"there are no tests {sorted(missing)}")


def copy(source: Path, target: Path) -> None:
    """Copy a file, or a folder without what Python leaves in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.so")
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def add_sources(kit: Path, peer: Path) -> None:
    """Add what is run as it is: the Python package, tests' programs, the unmodified peer, and the lane."""
    python = ROOT / "bindings" / "python"
    copy(python / "python" / "zenoh_pinned", kit / "package" / "zenoh_pinned")
    tests = python / "tests"
    of_nodes = ("device_programs.py", "any_driver.json", "library_programs.py", "library_programs.json")
    for name in ("meeting.py", *(f"nodes/{name}" for name in of_nodes)):
        copy(tests / name, kit / "python-tests" / name)
    for programs in ("peers", "attacks"):
        copy(ROOT / "provider" / "tests" / programs, kit / "source" / "provider" / "tests" / programs)
    copy(HERE / "lane", kit / "lane")
    copy(peer, kit / "package" / "zenoh")
    for library in peer.glob("*.so"):
        subprocess.run(["strip", "-o", kit / "package" / "zenoh" / library.name, library], check=True)


def write_manifest(kit: Path) -> None:
    """Say what the kit was built from, and what is in it."""
    changed = output_of("git", "status", "--porcelain").strip()
    programs = sorted(path.relative_to(kit) for path in (kit / "built").rglob("*") if path.is_file())
    manifest = {
        "commit": output_of("git", "rev-parse", "HEAD").strip() + (" with changes" if changed else ""),
        "profile": "release",
        "compiler": output_of("rustc", "--version").strip(),
        "packed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "programs": [str(program) for program in programs],
    }
    (kit / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def compress(kit: Path, target: Path) -> None:
    """Write the archive, programs beside each other so that what they share is stored once."""
    with target.open("wb") as packed:
        words = (
            "tar",
            "--create",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--directory",
            kit.parent,
            kit.name,
        )
        with subprocess.Popen(words, stdout=subprocess.PIPE) as archive:
            subprocess.run(XZ, stdin=archive.stdout, stdout=packed, check=True)
        if archive.returncode != 0:
            raise Failed("tar failed")


def tree_bytes() -> int:
    """Tell how large everything is that would be carried beside the kit."""
    names = output_of("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sum((ROOT / name).stat().st_size for name in names if name and (ROOT / name).is_file())


def pack(arguments: argparse.Namespace, folder: Path) -> None:
    """Build everything, and write the folder of the kit."""
    kit = folder / "kit"
    kit.mkdir()
    made = build(arguments.tests, arguments.benches)
    add_programs(kit, made, arguments.tests, arguments.benches)
    add_sources(kit, arguments.peer)
    write_manifest(kit)
    unpacked = [(path.stat().st_size, path.relative_to(kit)) for path in kit.rglob("*") if path.is_file()]
    for size, path in sorted(unpacked, reverse=True):
        if size > 1 << 18:
            print(f"{size / (1 << 20):6.1f} MiB  {path}")
    out: Path = arguments.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    compress(kit, out / "kit.tar.xz")
    shutil.copy(HERE / "run-on-gpu.sh", out)
    size, tree = sum(path.stat().st_size for path in out.iterdir()), tree_bytes()
    print(f"{size / (1 << 20):6.1f} MiB  {out}, from {sum(size for size, _ in unpacked) / (1 << 20):.0f} MiB")
    print(f"{tree / (1 << 20):6.1f} MiB  the tree, which may have to travel with it")
    if size + tree > MOST_BYTES:
        raise Failed(f"together they are larger than {MOST_BYTES >> 20} MiB")


def main() -> None:
    """Read the arguments and pack the kit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", nargs="+", required=True, help="test programs")
    parser.add_argument("--benches", nargs="*", default=[], help="packages with benchmarks")
    parser.add_argument(
        "--peer", type=Path, required=True, help="the folder of the released zenoh package for Python"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the kit")
    with tempfile.TemporaryDirectory() as folder:
        try:
            pack(parser.parse_args(), Path(folder))
        except Failed as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
