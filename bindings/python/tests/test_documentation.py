"""What the package says of itself: everything public is documented, and the examples do what they show."""

import ast
import inspect
from pathlib import Path

import pytest
import zenoh_pinned
from zenoh_pinned import _native

from conftest import script

STUBS = Path(__file__).parent.parent / "python" / "zenoh_pinned" / "_native.pyi"
# Their examples need a device, ...
OF_A_DEVICE = ["DeviceBuffer", "copy_into", "open_device"]
# ... a fault, or a node that dora has started.
OF_OTHERS = ["CudaError", "FrameRefused", "OutputReport", "Report"]
ELSEWHERE = {*OF_A_DEVICE, *OF_OTHERS, "__version__"}


def examples(how, names, environment=None):
    with script("docstrings.py", how, *names, environment=environment) as process:
        output = process.stdout.read()
        assert process.wait(60) == 0, output


def test_the_examples_do_what_they_show():
    examples("run", [name for name in zenoh_pinned.__all__ if name not in ELSEWHERE])


def test_the_examples_with_a_device_do_what_they_show(driver):
    examples("run", OF_A_DEVICE, {**driver, "CUDA_DOUBLE": "devices=2"})


def test_the_other_examples_are_python():
    examples("compile", OF_OTHERS)


def test_the_example_of_a_node_is_python():
    pytest.importorskip("dora", reason="the dora-rs wheel is not installed (it needs Python 3.11)")
    examples("compile", ["dora.Node"])


def test_everything_public_is_named_and_documented():
    names = {name for name in vars(zenoh_pinned) if not name.startswith("_")}
    assert {name for name in names if not inspect.ismodule(getattr(zenoh_pinned, name))} == {
        name for name in zenoh_pinned.__all__ if name != "__version__"
    }
    for name in zenoh_pinned.__all__:
        thing = getattr(zenoh_pinned, name)
        assert name == "__version__" or thing.__doc__, name
        for attribute in vars(thing) if isinstance(thing, type) else []:
            if not attribute.startswith("_"):
                assert getattr(thing, attribute).__doc__, f"{name}.{attribute}"


def documented(body, prefix=""):
    """The docstrings in a piece of the stubs, by the names of what they are of."""
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            name = f"{prefix}{node.name}"
            if text := ast.get_docstring(node):
                yield name, text
            if isinstance(node, ast.ClassDef):
                yield from documented(node.body, f"{name}.")


@pytest.mark.parametrize(("name", "text"), [*documented(ast.parse(STUBS.read_text()).body)])
def test_the_stubs_say_what_the_native_part_says(name, text):
    thing = _native
    for part in name.split("."):
        thing = getattr(thing, part)
    if name not in ("Exporter", "Lending"):
        assert (inspect.getdoc(thing) or "").split() == text.split()
