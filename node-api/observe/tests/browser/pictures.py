"""A picture of the page after five minutes, the same each time."""

from __future__ import annotations

import base64
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Page
    from server import Server

#: Their clock stands still in the end, so that what did not change is drawn as it was.
ENOUGH_MESSAGES = 60


@dataclass
class View:
    """What of the page is taken: how wide, in which colours, from which element on, and how high."""

    width: int
    scheme: str
    first: str
    height: int


def take(page: Page, server: Server, view: View, file: Path) -> None:
    """Take a picture of a server's page, and see that it is small."""
    moments = itertools.chain(range(0, 5 * ENOUGH_MESSAGES, 5), itertools.repeat(5 * ENOUGH_MESSAGES))
    server.seconds = moments.__next__
    server.cadence = 0.02
    page.look(view.width, view.scheme)
    page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})
    page.open(server.address)
    last = time.strftime("%H:%M:%S", time.gmtime(server.host["at"] / 1000 + 5 * ENOUGH_MESSAGES))
    page.until(lambda: page.one("#state-since").text == last)
    # The port is another one each time.
    page.run("document.getElementById('place').textContent = '127.0.0.1:7448'")
    above = page.run(
        "return document.querySelector(arguments[0]).getBoundingClientRect().top + scrollY", view.first
    )
    clip = {"x": 0, "y": max(0, above - 24), "width": view.width, "height": view.height, "scale": 1}
    picture = page.driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
    )
    file.write_bytes(base64.b64decode(picture["data"]))
    assert 10_000 < file.stat().st_size < 200_000
