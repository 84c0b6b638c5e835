"""The numbered example in Python shows what its page says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meeting import free_port

EXAMPLE = Path(__file__).parents[3] / "examples" / "05-python" / "frames.py"


@pytest.mark.parametrize("where", ["host", "direct"])
def test_frames_reach_the_other_process_whole(where, request):
    environment = dict(os.environ)
    if where == "direct":
        environment |= request.getfixturevalue("driver")
    program = [sys.executable, str(EXAMPLE), f"tcp/127.0.0.1:{free_port()}"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "frame 30: (1080, 1920, 3), all" in done.stdout
    assert done.stdout.count("True") == 3, done.stdout
    assert f"path {where}" in done.stdout
    assert "frames written in place" in done.stdout
