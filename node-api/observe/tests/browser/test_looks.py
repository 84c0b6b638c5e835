"""The page can be read: at both widths, dark and light, with much or little in it, and without a mouse."""
# ruff: noqa: ANN001, ANN201, D103

import itertools
import re

import pytest
from selenium.webdriver.common.keys import Keys

import figures
from conftest import NARROW, WIDE, script

HOSTS = [figures.ordinary, figures.crowded, figures.empty, figures.hostile]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_nothing_is_wider_than_the_screen_and_everything_stands_out(page, serve, host, width, scheme):
    page.look(width, scheme)
    page.open(serve(host()).address)
    page.next_message()
    for fold in page.all("details"):
        page.run("arguments[0].open = true", fold)
    assert page.run(script("too_wide.js")) == []
    contrast = page.run(script("contrast.js"))
    assert contrast["found"] == []
    assert contrast["texts"] > 40
    assert contrast["marks"] > 5


def test_dark_is_dark_and_light_is_light(page, serve):
    page.open(serve(figures.ordinary()).address)
    backgrounds = []
    for scheme in ("light", "dark"):
        page.look(scheme=scheme)
        color = page.one("#attention").find_element("xpath", "..").value_of_css_property("background-color")
        backgrounds.append(sum(map(int, re.findall(r"\d+", color)[:3])) / 3)
    assert backgrounds[0] > 200
    assert backgrounds[1] < 60


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_ten_pools_and_fifty_consumers_are_all_there_slot_by_slot(page, serve, width):
    host = figures.crowded()
    page.look(width)
    page.open(serve(host).address)
    drawn = {pool.find_element("css selector", "h3").text: pool for pool in page.all("article.pool")}
    assert list(drawn) == [pool["name"] for pool in host["pools"]]
    for pool in host["pools"]:
        slots = page.run(
            """
            const count = (name) =>
              (arguments[0].querySelector(`path.${name}`).getAttribute("d").match(/M/g) ?? []).length;
            const [free, held] = [count("free"), count("held")];
            const picture = arguments[0].querySelector("svg.map");
            const scale = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
            return {free, held, cell: (free + held > 32 ? 10 : 20) * scale};
            """,
            drawn[pool["name"]],
        )
        assert (slots["free"], slots["held"]) == (pool["free"], pool["held"])
        assert slots["cell"] >= 8, "a cell is large enough to be told from its neighbours"
    rows = page.card("Processes").find_elements("css selector", "tbody tr")
    assert len([row for row in rows if row.is_displayed()]) == 60


def test_what_is_opened_and_focused_stays_while_figures_change(page, serve):
    page.open(serve(figures.crowded()).address)
    summary = page.all("article.pool summary")[3]
    page.run("arguments[0].focus()", summary)
    summary.send_keys(Keys.ENTER)
    page.next_message()
    assert page.run("return document.activeElement === arguments[0]", summary)
    assert page.run("return arguments[0].parentElement.open", summary)
    assert len(page.all("details[open]")) == 1
    assert len(page.all("details[open] li")) == 38


def test_a_fold_belongs_to_its_pool_when_another_pool_goes(page, serve):
    server = serve(figures.crowded())
    page.open(server.address)
    fourth = page.all("article.pool")[3]
    name = fourth.find_element("css selector", "h3").text
    page.run("arguments[0].querySelector('details').open = true", fourth)
    del server.host["pools"][0]
    page.until(lambda: len(page.all("article.pool")) == 9)
    (opened,) = page.all("article.pool:has(details[open])")
    assert opened.find_element("css selector", "h3").text == name


def test_the_keyboard_reaches_the_figures_first_and_the_pause(page, serve):
    page.open(serve(figures.ordinary()).address)
    page.one("body").send_keys(Keys.TAB)
    assert page.run("return document.activeElement.textContent") == "Skip to the figures"
    assert page.run("return document.activeElement.getBoundingClientRect().top >= 0"), (
        "it is seen when it has the focus"
    )
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.until(lambda: page.run("return document.activeElement.id") == "cards")
    page.run("document.getElementById('pause').focus()")
    page.driver.switch_to.active_element.send_keys(Keys.SPACE)
    assert page.one("#pause").get_attribute("aria-pressed") == "true"


def test_paused_figures_stand_still_until_they_go_on(page, serve):
    server = serve(figures.ordinary())
    page.open(server.address)
    page.one("#pause").click()
    stood = page.one("#state-since").text, page.one("main").text
    server.host["pools"] = []
    heard = page.run("return performance.now()")
    page.until(lambda: page.run("return performance.now() > arguments[0] + 2500", heard))
    assert (page.one("#state-since").text, page.one("main").text) == stood
    page.one("#pause").click()
    page.until(lambda: not page.all("article.pool"))


def test_a_screen_reader_finds_headings_tables_and_words_for_every_picture(page, serve):
    page.open(serve(figures.crowded()).address)
    levels = page.run(
        "return [...document.querySelectorAll('h1, h2, h3, h4')].map(({nodeName}) => Number(nodeName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels)), "no level is skipped"
    for section in page.all("main section"):
        label = section.get_attribute("aria-labelledby")
        assert page.run("return document.getElementById(arguments[0]).textContent", label)
    for table in page.all("table"):
        assert page.run("return arguments[0].caption.textContent", table)
        headers = (
            "return [...arguments[0].tHead.rows[0].cells].map(({scope, textContent}) => [scope, textContent])"
        )
        assert all(scope == "col" and title for scope, title in page.run(headers, table))
    # Pictures are not read out, so what they show stands beside them.
    assert page.run("return [...document.querySelectorAll('svg:not([aria-hidden=true])')].length") == 0
    for plot in page.all("figure.plot"):
        assert len(page.run("return arguments[0].querySelector('.words, .unseen').textContent", plot)) > 8
    names = page.run(
        "return [...document.querySelectorAll('a, button, summary')].filter((one) => !one.textContent).length"
    )
    assert names == 0
