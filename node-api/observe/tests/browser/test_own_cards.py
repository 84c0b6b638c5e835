"""Cards of an application are shown like the page's own, and disturb no other where they are wrong."""
# ruff: noqa: ANN001, ANN201, D103

import itertools

import pytest

import figures
import matrices
from conftest import NARROW, WIDE, script
from figures import HOSTILE
from pictures import View, take
from server import Application

HOSTS = [matrices.ordinary, matrices.endless, matrices.failed, matrices.hostile]
PICTURES = {
    "wide-light": View(WIDE, "light", "body", 952),
    "narrow-dark": View(NARROW, "dark", "#card-tasks", 1596),
}
GOOD = """
import { element } from "../../elements.js";
const draw = ({ says }) => element("p", {}, says);
export const cards = [{ id: "good", title: "Good", source: "good", draw }];
"""


def opened(page, serve, host):
    server = serve(host, matrices.application())
    page.open(server.address)
    return server


def words(element):
    return element.text.replace("\n", " ")


def test_own_cards_come_first_under_the_title_of_the_application(page, serve):
    opened(page, serve, figures.ordinary() | matrices.ordinary())
    titles = [title.rstrip("0123456789 ") for title in page.titles()]
    assert titles[1:6] == ["Pipeline", "Pipeline processes", "Tasks", "Log", "Host"]
    assert "Pools" in titles
    assert not {"Pipeline stats", "Process stats", "Task stats"} & set(titles)
    assert page.one("h1").text.startswith("matrices 127.0.0.1")
    assert page.driver.title == "matrices"


def test_a_page_of_an_application_alone_has_no_empty_cards(page, serve):
    opened(page, serve, matrices.ordinary())
    titles = [title.rstrip("0123456789 ") for title in page.titles()]
    assert titles[1:] == ["Pipeline", "Pipeline processes", "Tasks", "Log"]


def test_a_title_is_text_however_long(page, serve):
    page.look(NARROW)
    page.open(serve(figures.ordinary(), Application(HOSTILE * 3)).address)
    assert page.driver.title.startswith("<img src=x")
    assert page.all("header img, header script") == []
    assert page.run("return window.broken") is None
    assert page.run(script("too_wide.js")) == []


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (None, "cards/own/bad.js"),
        ("throw new Error('on purpose')", "on purpose"),
        ("throw null", "null"),
        ("export const cards = [", "Unexpected"),
        ("export const kards = []", "it exports no cards"),
        ("export const cards = [null]", "it exports no cards"),
        ("await new Promise(() => {})", "it is not there after 3 s"),
    ],
)
def test_a_module_that_cannot_be_used_is_a_warning_in_its_place(page, serve, module, why):
    host = figures.ordinary() | {"good": {"says": "all is well"}}
    page.open(serve(host, Application(cards={"bad": (module, None), "good": (GOOD, None)})).address)
    assert [title.lower() for title in page.titles()][1:3] == ["bad", "good"]
    told = page.card("bad").text
    assert "The module cards/own/bad.js cannot be used (" in told
    assert why in told
    assert "all is well" in page.card("Good").text
    assert "camera/front" in page.card("Pools").text


def test_a_card_that_fails_says_so_in_its_place(page, serve):
    module = """
    const card = (id, more) => ({ id, title: id, source: "good", draw: () => "drawn", ...more });
    const fail = () => { throw new Error("on purpose"); };
    const two = card("Two", { counters: fail, notes: fail, count: fail });
    export const cards = [card("One", { draw: fail }), two];
    """
    host = figures.ordinary() | {"good": {"says": "all is well"}}
    page.open(serve(host, Application(cards={"both": (module, None)})).address)
    page.next_message()
    assert "on purpose" in page.card("One").text
    assert "all is well" in page.card("One").text
    assert "drawn" in page.card("Two").text
    assert "camera/front" in page.card("Pools").text


def test_the_pipeline_tells_how_far_it_is_and_what_its_buffers_hold(page, serve):
    server = opened(page, serve, matrices.ordinary())
    server.seconds = itertools.count().__next__
    server.cadence = 0.1
    pipeline = page.card("Pipeline")
    for told in (
        "1000x1000 float64 into output",
        "State running for 0:4",
        ", 3 restarts Stored ",
        "% of 40,000, ",
        " to go",
        "3.2 : 1",
        "Failed 1 matrix",
        "7 of 20 at most 14 so far, 7.6 MiB each",
        "100 % of them used before",
        "/s 5 min ago full height 100/s now",
        " MiB/s 5 min ago full height 500 MiB/s now",
        "producer 2 of 2 serve",
        "compressor 3 of 4 serve 3 waiting · 3 at work · 3 restarts",
        "writer 1 of 1 serve 1 waiting · 1 at work",
    ):
        page.until(lambda told=told: told in words(pipeline))
    points = "return arguments[0].querySelector('.plot path').getAttribute('d').split('L').length"
    before = page.run(points, pipeline)
    page.until(lambda: page.run(points, pipeline) > before)
    parts = pipeline.find_elements("css selector", ".share")[1].find_elements("css selector", "rect")
    assert [part.get_attribute("width") for part in parts] == ["35", "35"], "in use, and once in use"


def test_a_pipeline_without_an_end_shows_no_share(page, serve):
    opened(page, serve, matrices.endless())
    pipeline = words(page.card("Pipeline"))
    assert "until it is told to end" in pipeline
    assert " produced, " in pipeline
    assert "to go" not in pipeline
    assert len(page.card("Pipeline").find_elements("css selector", ".share")) == 1
    assert "no process" in page.card("Pipeline processes").text
    assert "Nothing has happened yet." in page.card("Log").text
    assert "NaN" not in page.one("main").get_attribute("innerHTML")


def test_what_has_failed_is_told_at_the_top(page, serve):
    host = matrices.ordinary()
    server = opened(page, serve, host)
    assert "Nothing needs attention" in page.titles()
    page.next_message()
    server.host["pipeline_stats"]["matrices"]["failed"] += 2
    page.until(lambda: "2 matrices failed in the last minute" in page.one("main").text)
    server.host |= matrices.failed()
    page.until(
        lambda: "The pipeline has failed: the output cannot be written" in page.card("Needs attention").text
    )
    assert "writer 0 has failed: output: no space is left" in page.card("Needs attention").text
    assert (
        "the output cannot be written" in page.card("Pipeline").find_element("css selector", ".warning").text
    )


def test_each_process_is_a_tile_with_its_state_load_and_queue(page, serve):
    opened(page, serve, matrices.failed())
    processes = page.card("Pipeline processes")
    assert page.titles()[2] == "Pipeline processes 44"
    tiles = [words(tile) for tile in processes.find_elements("css selector", "li.tile")]
    assert tiles[0].startswith("running pipeline process 4100 · for 0:41 7 % of a processor · 34 MiB")
    assert tiles[3].startswith("processing compressor 0 process 4103 ")
    assert "94 % of a processor · 88 MiB 1 at work · 3 waiting for its role 500 answered" in tiles[3]
    assert tiles[5].endswith("411 answered · 2 restarts")
    assert tiles[7].startswith("failed writer 0")
    assert tiles[7].endswith("output: no space is left on the device (28)")
    assert "20 more" in processes.text


def test_tasks_tell_their_counts_times_and_latest_failures(page, serve):
    server = opened(page, serve, matrices.ordinary())
    server.seconds = itertools.count().__next__
    server.cadence = 0.1
    tasks = page.card("Tasks")
    rows = [words(row) for row in tasks.find_elements("css selector", "tbody tr")]
    assert rows[1].startswith("compress 3 3 ")
    assert rows[1].endswith("1 71 ms 213 ms")
    assert rows[-1].startswith(
        "matrix 1,207 compress two workers have died with it: the second was killed by signal 9"
    )
    page.until(lambda: "Time to compress, last minute half ≤ 100 ms" in words(tasks))
    assert len(tasks.find_elements("css selector", ".plot rect")) == 3 * (len(figures.SECONDS) + 1)


def test_a_pipeline_that_stands_still_has_no_speed_now(page, serve):
    server = serve(figures.ordinary() | matrices.ordinary(), matrices.application())
    server.seconds = itertools.chain(range(8), itertools.repeat(8)).__next__
    server.cadence = 0.1
    later, ticks = server.application.later, itertools.count()

    def still(host: dict, seconds: float) -> dict:
        now = later(host, seconds)
        now["at"] += 1000 * next(ticks)
        return now

    server.application.later = still
    page.open(server.address)

    def speeds() -> list[str]:
        plots = page.card("Pipeline").find_elements("css selector", "figure.plot")
        return [plot.text.split("\n")[1] for plot in plots]

    page.until(lambda: speeds() == ["0/s", "0/s", "0/s"])


def test_the_log_has_the_latest_first_and_can_be_taken_along(page, serve):
    opened(page, serve, matrices.failed())
    log = page.card("Log")
    events = [words(event) for event in log.find_elements("css selector", ".events li")]
    assert events[:2] == ["2:29 event 149", "2:28 event 148"]
    assert "138 more" in log.text
    assert "31 events before these are left out." in log.text
    export = log.find_element("css selector", "a")
    assert export.get_attribute("href").endswith("/api/log")
    assert export.get_attribute("download") == "matrices-log.json"


def test_warnings_of_the_log_are_told_by_more_than_a_colour(page, serve):
    opened(page, serve, matrices.ordinary())
    first = page.card("Log").find_elements("css selector", ".events li")[0]
    assert (
        "Warning: compressor 2 (process 4168) has ended, process 4211 is in its place"
        in first.get_attribute("textContent")
    )
    assert "!" in first.text


@pytest.mark.parametrize("source", ["pipeline_stats", "process_stats", "task_stats", "log"])
@pytest.mark.parametrize("value", [{}, 17, [{}]], ids=repr)
def test_what_makes_no_sense_disturbs_no_other_card(page, serve, source, value):
    host = matrices.failed()
    host[source] = value
    opened(page, serve, host)
    others = {
        "pipeline_stats": ("Pipeline", "1000x1000 float64"),
        "process_stats": ("Pipeline processes", "process 4103"),
        "task_stats": ("Tasks", "two workers have died"),
        "log": ("Log", "event 149"),
    }
    title, _ = others.pop(source)
    assert page.card(title)
    for title, says in others.values():
        assert says in page.card(title).text


def test_hostile_texts_stay_text(page, serve):
    opened(page, serve, matrices.hostile())
    page.next_message()
    assert page.run("return window.broken") is None
    assert page.all("main img, main script, nav img, nav script, [onerror]") == []
    loose = page.run(script("loose.js"))
    assert loose == []
    assert HOSTILE in page.run("return document.querySelector('main').textContent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_nothing_is_wider_than_the_screen_and_everything_stands_out(page, serve, host, width, scheme):
    page.look(width, scheme)
    opened(page, serve, host())
    page.next_message()
    for fold in page.all("details"):
        page.run("arguments[0].open = true", fold)
    assert page.run(script("too_wide.js")) == []
    contrast = page.run(script("contrast.js"))
    assert contrast["found"] == []
    assert contrast["texts"] > 40
    assert contrast["marks"] > 5


def test_a_screen_reader_finds_headings_and_words_for_every_picture(page, serve):
    opened(page, serve, matrices.ordinary())
    levels = page.run(
        "return [...document.querySelectorAll('h1, h2, h3, h4')].map(({nodeName}) => Number(nodeName[1]))"
    )
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels)), "no level is skipped"
    assert page.run("return document.querySelectorAll('svg:not([aria-hidden=true])').length") == 0
    for plot in page.all("figure.plot"):
        assert len(page.run("return arguments[0].querySelector('.words, .unseen').textContent", plot)) >= 8


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_small(page, serve, pytestconfig, tmp_path, name):
    folder = pytestconfig.getoption("pictures") or tmp_path
    server = serve(matrices.ordinary(), matrices.application())
    take(page, server, PICTURES[name], folder / f"dashboard-{name}.png")
