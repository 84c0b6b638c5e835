"""The README's pictures, kept where `--pictures` names a folder for them."""
# ruff: noqa: ANN001, ANN201, D103

import base64
import itertools
import time

import pytest

import figures
from conftest import NARROW, WIDE


def killed():
    """Make the ordinary host while its workers are killed."""
    return figures.ordinary() | {"workers": figures.killed()}


#: Their clock stands still in the end, so that what did not change is drawn as it was.
ENOUGH_MESSAGES = 60
#: Host, width, scheme, the first element, and height.
PICTURES = {
    "wide-light": (figures.ordinary, WIDE, "light", "body", 1180),
    "wide-dark": (figures.ordinary, WIDE, "dark", "body", 1180),
    "narrow-dark": (figures.ordinary, NARROW, "dark", "body", 1180),
    "workers": (killed, WIDE, "light", "#card-workers", 800),
    "crowded": (figures.crowded, WIDE, "light", "#card-pools", 760),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_small(page, serve, pytestconfig, tmp_path, name):
    host, width, scheme, first, height = PICTURES[name]
    server = serve(host())
    moments = itertools.chain(range(0, 5 * ENOUGH_MESSAGES, 5), itertools.repeat(5 * ENOUGH_MESSAGES))
    server.seconds = moments.__next__
    server.cadence = 0.02
    page.look(width, scheme)
    page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})
    page.open(server.address)
    last = time.strftime("%H:%M:%S", time.gmtime(server.host["at"] / 1000 + 5 * ENOUGH_MESSAGES))
    page.until(lambda: page.one("#state-since").text == last)
    # The port is another one each time.
    page.run("document.getElementById('place').textContent = '127.0.0.1:7448'")
    above = page.run(
        "return document.querySelector(arguments[0]).getBoundingClientRect().top + scrollY", first
    )
    clip = {"x": 0, "y": max(0, above - 24), "width": width, "height": height, "scale": 1}
    picture = page.driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
    )
    folder = pytestconfig.getoption("pictures") or tmp_path
    file = folder / f"page-{name}.png"
    file.write_bytes(base64.b64decode(picture["data"]))
    assert 10_000 < file.stat().st_size < 200_000
