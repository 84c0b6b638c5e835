"""The pipeline of matrices with a compressor in Python, and what zarr reads of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import zarr

EXAMPLE = Path(__file__).parents[3] / "examples" / "matrices"


@pytest.fixture
def run():
    """Run the program with these arguments, to its end."""
    double = os.environ.get("ZENOH_PINNED_CUDA_DOUBLE")
    if not double:
        pytest.skip("ZENOH_PINNED_CUDA_DOUBLE, beside which the program lies, is not there")
    words = [str(Path(double).with_name("matrices")), "--json", "--no-dashboard"]

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([*words, *arguments], capture_output=True, text=True, timeout=120, check=False)

    return run


def test_a_compressor_in_python_takes_the_place_of_the_one_that_is_built_in(run, tmp_path):
    command = f"{sys.executable} {EXAMPLE / 'compressor.py'}"
    rng = np.random.default_rng(1)
    stack = rng.normal(size=(20, 300, 500)).astype("float32")
    np.save(tmp_path / "input.npy", stack)
    output = tmp_path / "output"
    arguments = ("--input", str(tmp_path / "input.npy"), "--compressor", command, "--output-dir", str(output))
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["matrices"]["stored"] == 20
    assert figures["finished"]["complete"]
    group = zarr.open_group(output, mode="r")
    np.testing.assert_array_equal(group["matrices"][:], stack)
    told = [google_crc32c.value(matrix.tobytes()) for matrix in stack]
    assert group["checksums"][:].tolist() == told


def test_the_compressor_is_as_short_as_is_promised():
    lines = (EXAMPLE / "compressor.py").read_text().splitlines()
    assert len(lines) <= 20


def test_a_compressor_that_does_not_start_is_named(run, tmp_path):
    done = run("--compressor", "no-such-program-at-all", "--output-dir", str(tmp_path / "output"))
    assert done.returncode == 1
    assert "the compressors: no worker can be started" in done.stderr
