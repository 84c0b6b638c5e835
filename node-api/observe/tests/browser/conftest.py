"""A browser as it is installed, at a width and in a scheme of colours, and what it complains of."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from server import Application, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

    import figures

#: How long anything may take before a test fails: a watchdog, nothing that is measured.
PATIENCE = 30
WIDE, NARROW = 1280, 390


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that keeps the pictures."""
    parser.addoption("--pictures", type=Path, help="draw the README's pictures into this folder")


def script(name: str) -> str:
    """Read a script that runs in the page, beside this file."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def program(name: str, variable: str) -> str:
    """Find a program of the browser's; whoever has it elsewhere names it."""
    found = os.environ.get(variable) or shutil.which(name)
    if found is None:
        pytest.fail(
            f"{name} is not installed: apt-get install chromium chromium-driver, or name one in {variable}"
        )
    return found


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    """One browser for all tests; each opens its page anew."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "ZENOH_PINNED_BROWSER")
    # Root has no sandbox, and /dev/shm belongs to what is observed.
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--hide-scrollbars",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(program("chromedriver", "ZENOH_PINNED_BROWSER_DRIVER"))
    started = webdriver.Chrome(options=options, service=service)
    started.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script("watch.js")})
    yield started
    started.quit()


class Page:
    """The page in the browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def look(self, width: int = WIDE, scheme: str = "light", height: int = 900) -> None:
        """Be so wide and of this scheme."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )

    def open(self, address: str) -> None:
        """Load it and wait for its first figures."""
        self.driver.get_log("browser")
        self.driver.get(address)
        self.until(lambda: self.all("main section"))

    def run(self, script: str, *arguments: object) -> object:
        """Run a script that returns something."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        """Find all elements."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Find the only element."""
        (found,) = self.all(selector)
        return found

    def card(self, title: str) -> WebElement:
        """Find a card by its heading."""
        return self.driver.find_element(
            By.XPATH, f"//section[h2[starts-with(normalize-space(.), {json.dumps(title)})]]"
        )

    def titles(self) -> list[str]:
        """Read the headings of the cards."""
        return [heading.text for heading in self.all("main section > h2")]

    def state(self) -> str:
        """Read the word beside the dot."""
        return self.one("#state-word").text

    def until(self, what: Callable[[], object]) -> object:
        """Wait for something to be so."""
        return WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05).until(lambda _: what())

    def next_message(self) -> None:
        """Wait until the page has drawn what the server said after now."""
        # Seconds are on the page. The message that was under way meanwhile may be the first, so it takes two.
        for _ in range(2):
            before = self.one("#state-since").text
            self.until(lambda before=before: self.one("#state-since").text != before)

    def complaints(self) -> list[str]:
        """Collect what went wrong in the page or was forbidden to it, without servers that are gone."""
        logged = [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
            and entry["source"] != "network"
            and "WebSocket connection to" not in entry["message"]
        ]
        return [*self.run("return complaints"), *logged]


@pytest.fixture
def page(driver: webdriver.Chrome) -> Iterator[Page]:
    """Look at a page, wide and light, which complains of nothing during the test."""
    page = Page(driver)
    page.look()
    yield page
    assert page.complaints() == []
    driver.get("about:blank")


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers."""
    started: list[Server] = []

    def serve(host: figures.Json, application: Application | None = None) -> Server:
        server = Server(host, application)
        started.append(server)
        return server

    yield serve
    for server in started:
        server.close()
