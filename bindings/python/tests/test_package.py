"""The package as others use it: types, lint, and other versions of Python."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent
REPOSITORY = PACKAGE.parent.parent
EXAMPLES = [
    REPOSITORY / "examples" / name for name in ("dora-camera", "load-balancer", "camera-models", "08-workers")
]
# dora's wheel needs Python 3.11.
NO_DORA = ["arguments", "elements", "in_place", "living_views", "views", "mistakes", "waiting", "device"]
NO_DORA += ["exchange", "exchange_mistakes", "line", "tensors"]
NO_DORA += ["workers", "workers_answers", "workers_faults", "workers_waiting"]
CHECKED = [PACKAGE / "python", PACKAGE / "tests", *EXAMPLES]
CHECKED += [REPOSITORY / "benches", REPOSITORY / "node-api/observe/tests"]


def succeeds(*command, **environment):
    process = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=PACKAGE,
        env={**os.environ, "MYPYPATH": str(PACKAGE / "python"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr


def needs(module):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed (`make test` does)")


def programs():
    return sorted(program for folder in EXAMPLES for program in folder.glob("*.py"))


def test_ruff_finds_nothing():
    needs("ruff")
    succeeds("ruff", "check", "--config", "pyproject.toml", *CHECKED)
    succeeds("ruff", "format", "--check", "--config", "pyproject.toml", *CHECKED)


def test_mypy_accepts_the_package_and_the_examples():
    needs("mypy")
    succeeds("mypy", "-p", "zenoh_pinned")
    for example in programs():
        succeeds("mypy", example)


def test_pyright_accepts_the_package_and_the_examples():
    needs("pyright")
    succeeds("pyright", "--pythonpath", sys.executable, PACKAGE / "python", *programs())


def test_the_types_are_those_of_the_native_part(tmp_path):
    needs("mypy")
    allowed = tmp_path / "allowed"
    # Python itself shows the buffer's method from 3.12 on.
    allowed.write_text("zenoh_pinned._native.__all__\nzenoh_pinned._native.Exporter.__buffer__\n")
    succeeds("mypy.stubtest", "zenoh_pinned._native", "--allowlist", allowed, "--ignore-unused-allowlist")


def test_the_stubs_know_every_code_of_a_reason():
    source = (PACKAGE.parents[1] / "provider" / "src" / "reason.rs").read_text()
    stubs = (PACKAGE / "python" / "zenoh_pinned" / "_native.pyi").read_text()
    kinds = re.search(r"const KINDS: .*? = \[(.*?)\];", source, re.DOTALL)
    assert kinds is not None
    given = set(re.findall(r'"([a-z_]+)"', kinds[1]))
    listed = re.search(r"def code\(\s*self,?\s*\) -> Literal\[(.*?)\]", stubs, re.DOTALL)
    assert listed is not None
    assert given == set(re.findall(r'"([a-z_]+)"', listed[1]))


def others():
    """The other versions that `make test` found, each with NumPy and pytest in an environment."""
    folder = os.environ.get("ZENOH_PINNED_OTHER_PYTHONS")
    return sorted(Path(folder).glob("*/bin/python")) if folder else []


@pytest.mark.parametrize(
    "python", others() or [None], ids=lambda python: python and python.parent.parent.name
)
def test_the_same_library_works_with_another_version_of_python(python):
    if python is None:
        pytest.skip("there is no other version of Python")
    process = subprocess.run(
        [
            python,
            "-m",
            "pytest",
            "--reruns",
            "2",
            "-p",
            "no:cacheprovider",
            *(f"tests/test_{name}.py" for name in NO_DORA),
        ],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
