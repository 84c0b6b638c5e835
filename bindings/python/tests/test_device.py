"""Copies to a device: the driver double's, or a real one's where ``ZENOH_PINNED_CUDA=real`` says so."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import zenoh_pinned

from conftest import script

# The programs that any driver can serve; the GPU lane runs them too.
NODES = Path(__file__).parent / "nodes"
ANY_DRIVER = json.loads((NODES / "any_driver.json").read_text())
# The programs of torch and CuPy, which only a real one serves.
OF_LIBRARIES = json.loads((NODES / "library_programs.json").read_text())
DOUBLE_ONLY = [
    "late_copies",
    "the_callers_context_stays",
    "dlpack_on_the_device",
    "failing_driver",
    "views_of_an_imported_array_are_held",
    "the_interpreter_is_free_while_a_copy_waits",
]


@pytest.mark.parametrize("program", ANY_DRIVER + DOUBLE_ONLY)
def test_on_the_device(program, driver, tmp_path):
    is_real = os.environ.get("ZENOH_PINNED_CUDA") == "real"
    if is_real and program in DOUBLE_ONLY:
        pytest.skip("it tells the driver double what to do")
    report = tmp_path / "driver.json"
    environment = {} if is_real else {**driver, "CUDA_DOUBLE_REPORT": str(report), "CUDA_DOUBLE": "devices=2"}
    with script("device_programs.py", program, environment=environment) as process:
        output = process.stdout.read()
        assert process.wait(60) == 0, output
    assert output.startswith("ok"), output
    if not is_real:
        assert '"violations":[]' in report.read_text().replace(" ", ""), report.read_text()
        assert not report.with_name("driver.json.late").exists()


@pytest.mark.parametrize("program", OF_LIBRARIES)
def test_streams_and_graphs_of_other_libraries(program):
    with script("library_programs.py", program) as process:
        output = process.stdout.read()
        assert process.wait(120) == 0, output
    if output.startswith("skipped"):
        pytest.skip(output.strip())
    assert output.startswith("ok"), output


def test_without_a_driver_auto_gives_the_frame_itself_and_the_reason():
    array = np.arange(10, dtype="uint8")
    frame = zenoh_pinned.to_device(array)
    if isinstance(frame, zenoh_pinned.DeviceBuffer):
        pytest.skip("there is a driver")
    assert isinstance(frame, zenoh_pinned.Frame)
    assert np.array_equal(np.from_dlpack(frame), array)
    assert frame.path == "host"
    assert frame.reason.code == "no_driver"
    with pytest.raises(zenoh_pinned.NoDevice, match="libcuda"):
        zenoh_pinned.to_device(array, "cuda:0")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:-1", -1, object()])
def test_what_is_no_device_is_an_error_that_says_what_is(device):
    with pytest.raises((ValueError, TypeError), match="'cuda:0'"):
        zenoh_pinned.to_device(b"1", device)
