"""The README's pictures, kept where `--pictures` names a folder for them."""
# ruff: noqa: ANN001, ANN201, D103

import pytest

import figures
import models
from conftest import NARROW, WIDE
from pictures import View, take


def killed():
    """Make the ordinary host while its workers are killed."""
    return figures.ordinary() | {"workers": figures.killed()}


def served():
    """Make the ordinary host with a server of models."""
    return figures.ordinary() | {"models": models.served()}


PICTURES = {
    "wide-light": (figures.ordinary, View(WIDE, "light", "body", 1180)),
    "wide-dark": (figures.ordinary, View(WIDE, "dark", "body", 1180)),
    "narrow-dark": (figures.ordinary, View(NARROW, "dark", "body", 1180)),
    "workers": (killed, View(WIDE, "light", "#card-workers", 800)),
    "models": (served, View(WIDE, "light", "#card-models", 740)),
    "crowded": (figures.crowded, View(WIDE, "light", "#card-pools", 760)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_small(page, serve, pytestconfig, tmp_path, name):
    host, view = PICTURES[name]
    folder = pytestconfig.getoption("pictures") or tmp_path
    take(page, serve(host()), view, folder / f"page-{name}.png")
