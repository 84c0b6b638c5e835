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
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MOST_BYTES = 60 << 20
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
    file: Path


def output_of(*words: str | Path) -> str:
    """Run a program in the root of the repository, and give what it prints."""
    return subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def built_by(*words: str) -> list[Built]:
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
        made += [Built(package, target["name"], target["kind"][0], file) for file in files]
    return made


def packages() -> set[str]:
    """Name the packages of the workspace."""
    metadata = json.loads(output_of("cargo", "metadata", "--no-deps", "--format-version=1"))
    return {package["name"] for package in metadata["packages"]}


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


def add_tests(kit: Path, tests: set[str]) -> None:
    """Add the unit tests of the provider, those of its test programs that are asked for, and the double."""
    words = ["test", "--release", "--no-run", "-p", "zenoh-pinned", "--lib"]
    for name in sorted(tests):
        words += ["--test", name]
    made = [built for built in built_by(*words) if built.file.suffix == "" and built.kind in ("lib", "test")]
    for built in made:
        install(built, kit / "built" / "deps" / ("unit" if built.kind == "lib" else built.name))
    missing = tests - {built.name for built in made}
    if missing:
        raise Failed(f"there are no tests {sorted(missing)}")
    for built in built_by("build", "--release", "-p", "cuda-driver-double"):
        if built.name == "cuda_driver_double":
            install(built, kit / "built" / built.file.name)


def add_benches(kit: Path, wanted: list[str]) -> None:
    """Add the programs and Criterion benches of these packages, as far as there are such packages."""
    there = packages()
    for package in wanted:
        if package not in there:
            print(f"left out: the workspace has no {package}")
            continue
        programs = built_by("build", "--release", "-p", package, "--bins")
        # Of programs too this makes test harnesses, by the programs' names.
        benches = built_by("bench", "--no-run", "-p", package)
        for built in [
            *(built for built in programs if built.kind == "bin"),
            *(built for built in benches if built.kind == "bench"),
        ]:
            if built.package == package:
                install(built, kit / "built" / built.name)


def add_python(kit: Path, wheel: Path) -> None:
    """Add the wheel, and those of its tests that touch devices."""
    with tempfile.TemporaryDirectory() as unpacked:
        shutil.unpack_archive(wheel, unpacked, "zip")
        for library in Path(unpacked).rglob("*.so"):
            check_glibc(library)
    shutil.copy(wheel, kit)
    tests = ROOT / "bindings" / "python" / "tests"
    for name in ("meeting.py", "nodes/device_programs.py", "nodes/any_driver.json"):
        target = kit / "python-tests" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tests / name, target)
    shutil.copytree(HERE / "lane", kit / "lane", ignore=shutil.ignore_patterns("__pycache__"))


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


def pack(arguments: argparse.Namespace, folder: Path) -> None:
    """Build everything, and write the folder of the kit."""
    wheels = sorted(arguments.wheels.glob("zenoh_pinned-*.whl"), key=lambda wheel: wheel.stat().st_mtime)
    if not wheels:
        raise Failed(f"there is no wheel in {arguments.wheels}: make wheel")
    kit = folder / "kit"
    kit.mkdir()
    add_tests(kit, set(arguments.tests))
    add_benches(kit, arguments.benches)
    add_python(kit, wheels[-1])
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
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{size / (1 << 20):6.1f} MiB  {out}, from {sum(size for size, _ in unpacked) / (1 << 20):.0f} MiB")
    if size > MOST_BYTES:
        raise Failed(f"the kit is larger than {MOST_BYTES >> 20} MiB")


def main() -> None:
    """Read the arguments and pack the kit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", nargs="+", required=True, help="test programs of the provider")
    parser.add_argument("--benches", nargs="*", default=[], help="packages with benchmarks")
    parser.add_argument("--wheels", type=Path, required=True, help="the folder with the wheel")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the kit")
    with tempfile.TemporaryDirectory() as folder:
        try:
            pack(parser.parse_args(), Path(folder))
        except Failed as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
