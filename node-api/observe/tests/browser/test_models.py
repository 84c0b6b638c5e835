"""What a server of models says is on the page: conditions, memory, who has leases, and what is wrong."""
# ruff: noqa: ANN001, ANN201, D103

import itertools

import pytest

import figures
import models
from conftest import NARROW, WIDE, script

WITHOUT_SESSIONS = {"models": [{"model": "m", "state": "ready", "bytes": 1, "leases": 1}]}


def opened(page, serve, served):
    """Open the page of the ordinary host with this server of models."""
    host = figures.ordinary() | {"models": served}
    server = serve(host)
    page.open(server.address)
    return server


def rows(page):
    """Read all rows at once: what is found one after the other can go meanwhile."""
    script = "return [...document.querySelectorAll('.models tbody tr')].map(({innerText}) => innerText)"
    return [" ".join(row.split()) for row in page.run(script)]


def widths(page, selector):
    script = "return [...document.querySelectorAll(arguments[0])].map((part) => part.getAttribute('width'))"
    return [round(float(width)) for width in page.run(script, selector)]


def test_models_tell_their_state_memory_and_who_has_leases_on_them(page, serve):
    opened(page, serve, models.served())
    assert page.card("Models").find_element("css selector", "h2").text == "Models 5"
    detector, ocr, segmenter, voice, leaving, depth = rows(page)
    assert detector == (
        "detector /opt/models/detector.safetensors ready 1,228 MiB, 15 % 3 "
        "detector 2140 planner 2150 recorder 2163"
    ).replace("1,228 MiB", "1.2 GiB")
    assert "idle for 1" in ocr
    assert "310 MiB, 4 % 0" in ocr
    assert segmenter.startswith("segmenter loading 3")
    assert "% read 2 GiB, 25 % 0" in segmenter
    assert voice.endswith("612 MiB, 7 % 1 planner 2150")
    assert leaving.endswith("leaving 596 MiB, 7 % 1 process 2180"), "nobody says what it is called"
    assert depth == "depth not loaded"
    assert f"Server: {models.PLACE}" in page.card("Models").text


def test_the_totals_are_of_all_models_and_every_process_counts_once(page, serve):
    opened(page, serve, models.served() | {"failures": 2, "changed": 1})
    told = " ".join(page.card("Models").text.split())
    for words in (
        "Memory 4.7 GiB 59 % of 8 GiB",
        "Leases 5 of 4 processes",
        "11.6 GiB read",
        "Loads that failed 2",
        "went for others 2",
        "went unused 3",
        "written into 1",
    ):
        assert words in told
    parts = widths(page, ".models dl.wide svg rect")
    assert parts == [22, 25, 7, 4], "in use, loading, leaving, idle"
    assert [mark.get_attribute("class") for mark in page.all(".models dl.wide svg rect")] == [
        "direct",
        "staged",
        "pageable",
        "host",
    ]


def test_a_load_goes_on_and_its_row_stays_when_it_has_ended(page, serve):
    served = models.served()
    server = opened(page, serve, served)
    before = widths(page, ".models tbody rect.staged")[0]
    page.until(lambda: widths(page, ".models tbody rect.staged")[0] > before)
    page.run("window.kept = document.querySelectorAll('.models tbody tr')[2]")
    server.host["models"]["models"][2] |= {"state": "ready", "leases": 1, "sessions": [2140]}
    page.until(lambda: "segmenter ready" in rows(page)[2])
    assert page.run("return window.kept === document.querySelectorAll('.models tbody tr')[2]")
    assert "% read" not in rows(page)[2]


def test_plots_are_of_loads_and_leases_and_begin_anew_with_another_server(page, serve):
    server = serve(figures.ordinary() | {"models": models.served()})
    server.seconds = itertools.count(step=15).__next__
    server.cadence = 0.1
    page.open(server.address)
    shown = lambda: " ".join(page.card("Models").text.split())  # noqa: E731
    page.until(lambda: "Leases that begin 0.1/s" in shown())
    server.host["models"] |= {"loads": 0, "leases": 0}
    page.next_message()
    heights = page.run(
        "return [...document.querySelectorAll('.models path')].map((path) => path.getAttribute('d')).join('')"
    )
    assert "NaN" not in heights
    assert "-" not in heights, "nothing is less than nothing"


def test_the_card_is_there_while_somebody_serves(page, serve):
    server = opened(page, serve, models.nobody())
    assert "Pools 3" in page.titles()
    assert not any(title.startswith("Models") for title in page.titles())
    assert "Models" not in page.one("#contents").text
    server.host["models"] = models.server([])
    page.until(lambda: "Models 0" in page.titles())
    assert "No model: nobody has asked for one" in page.card("Models").text
    server.host["models"] = models.nobody() | {"changed": 3, "failures": 3}
    page.until(lambda: not any(title.startswith("Models") for title in page.titles()))
    page.next_message()
    assert "Models" not in page.one(".well, .attention").text


def test_models_that_fail_or_are_written_into_and_full_memory_need_attention(page, serve):
    served = models.served() | {"failures": 4, "changed": 1}
    server = opened(page, serve, served)
    page.next_message()
    assert "Models:" not in page.one(".attention").text, "it was so before this page was open"
    server.host["models"] |= {"failures": 5, "changed": 3, "max_bytes": 4900 * models.MIB}
    page.until(lambda: "a further one may find no room" in page.one(".attention").text)
    told = page.one(".attention").text
    for words in (
        "A program wrote into the weights of 2 models in the last 5 minutes",
        "1 load failed in the last 5 minutes",
        "Models that are in use have 4.4 GiB of 4.8 GiB",
    ):
        assert words in told


def test_memory_that_idle_models_fill_is_not_full(page, serve):
    idle = [models.model(name, "ready", 2000 * models.MIB, []) for name in "abcd"]
    server = opened(page, serve, models.server(idle))
    assert "98 % of 8 GiB" in page.card("Models").text
    page.next_message()
    assert "Models:" not in page.one(".attention").text
    for one in server.host["models"]["models"]:
        one |= {"leases": 1, "sessions": [2140]}
    page.until(lambda: "Models that are in use have 7.8 GiB of 8 GiB" in page.one(".attention").text)


def test_memory_without_a_limit_is_never_full_and_has_no_share(page, serve):
    opened(page, serve, models.served() | {"max_bytes": 2**64 - 1})
    told = " ".join(page.card("Models").text.split())
    assert "Memory 4.7 GiB no limit" in told
    assert "ready 1.2 GiB 3" in told
    assert "Models:" not in page.one(".attention").text


@pytest.mark.parametrize(
    "sense",
    [
        None,
        17,
        [],
        {},
        {"server": "x"},
        models.server([]) | WITHOUT_SESSIONS,
        models.server([]) | {"models": [None]},
    ],
    ids=["null", "number", "list", "empty", "place", "model", "nothing"],
)
def test_what_makes_no_sense_is_shown_as_it_came(page, serve, sense):
    opened(page, serve, sense)
    assert "This page cannot show what the server says here" in page.card("Models").text
    assert "camera/front" in page.card("Pools").text
    page.next_message()


def test_other_sources_that_make_no_sense_cost_the_processes_their_names_and_no_more(page, serve):
    host = figures.ordinary() | {"models": models.served(), "processes": 17}
    host["pools"] = [{"producer": None, "attached": [None, 17], "figures": None}]
    page.open(serve(host).address)
    assert "process 2140" in rows(page)[0]


def test_a_process_that_has_ended_lends_its_name_to_no_other(page, serve):
    served = models.server([models.model("m", "ready", models.MIB, [2171])])
    opened(page, serve, served)
    assert rows(page)[0].endswith("process 2171")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("of", [models.served, models.many], ids=lambda of: of.__name__)
def test_it_is_no_wider_than_the_screen_and_everything_stands_out(page, serve, of, width, scheme):
    page.look(width, scheme)
    opened(page, serve, of() | {"failures": 1, "changed": 1})
    page.next_message()
    for fold in page.all("details"):
        page.run("arguments[0].open = true", fold)
    page.next_message()
    assert page.run(script("too_wide.js")) == []
    assert page.run(script("contrast.js"))["found"] == []


def test_many_models_and_processes_are_behind_folds(page, serve):
    opened(page, serve, models.many())
    assert len(rows(page)) == 40
    page.run("document.querySelector('.models > details').open = true")
    page.until(lambda: len(rows(page)) == 130)
    last = page.all(".models tbody tr")[49]
    assert len(last.find_elements("css selector", "li")) == 6
    assert "43 more" in last.text
