"""Runs the examples in the docstrings of what it is told, or only compiles them.

``python docstrings.py run|compile NAME...``: names as in ``zenoh_pinned``. Each must have an example.
"""

import doctest
import importlib
import inspect
import sys


def documented(name):
    """The object of this name and what it has that is public, by their names."""
    module, _, last = f"zenoh_pinned.{name}".rpartition(".")
    thing = getattr(importlib.import_module(module), last)
    yield name, thing
    for attribute, value in vars(thing).items() if inspect.isclass(thing) else ():
        if not attribute.startswith("_"):
            yield f"{name}.{attribute}", value


def examples_of(name):
    parser = doctest.DocTestParser()
    for path, thing in documented(name):
        yield parser.get_doctest(inspect.getdoc(thing) or "", {}, path, None, 0)


def main(how, *names):
    runner = doctest.DocTestRunner()
    for name in names:
        tests = list(examples_of(name))
        assert tests[0].examples, f"{name} has no example"
        for test in tests:
            for example in test.examples:
                compile(example.source, test.name, "single")
            if how == "run":
                runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


main(*sys.argv[1:])
