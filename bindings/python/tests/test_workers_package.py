"""What `zenoh_pinned.workers` says of itself, and the example of it."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zenoh_pinned
from zenoh_pinned import workers

from conftest import script

EXAMPLE = Path(__file__).parents[3] / "examples" / "08-workers" / "supervisor.py"


def test_the_examples_do_what_they_show():
    with script("docstrings.py", "run", *(f"workers.{name}" for name in workers.__all__)) as process:
        output = process.stdout.read()
        assert process.wait(60) == 0, output


def test_everything_public_is_documented():
    assert workers.__doc__
    for name in workers.__all__:
        thing = getattr(workers, name)
        assert thing.__doc__, name
        for attribute in vars(thing) if isinstance(thing, type) else ():
            if not attribute.startswith("_"):
                assert inspect.getdoc(getattr(thing, attribute)), f"{name}.{attribute}"
    assert zenoh_pinned.workers is workers


def test_it_is_imported_by_whoever_uses_it():
    program = "import sys, zenoh_pinned as z; print('zenoh_pinned.workers' in sys.modules, z.workers.Workers)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("False <class "), done.stderr


@pytest.mark.parametrize("where", ["host", "direct"])
def test_the_numbered_example_shows_what_its_page_says(where, request):
    environment = dict(os.environ)
    if where == "direct":
        environment |= request.getfixturevalue("driver")
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "300 frames" in done.stdout
    assert f"brightness 43, path {where}" in done.stdout, done.stdout
