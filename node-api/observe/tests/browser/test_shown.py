"""What the server says is on the page, in words; and what makes no sense breaks nothing."""
# ruff: noqa: ANN001, ANN201, D103

import itertools

import figures
from conftest import script
from figures import HOSTILE


def opened(page, serve, host):
    server = serve(host)
    page.open(server.address)
    return server


def test_pools_tell_who_made_them_who_can_hold_slots_and_who_of_them_has_ended(page, serve):
    opened(page, serve, figures.ordinary())
    rear = page.all("article.pool")[1].text
    assert "made by camera-rear 2102" in rear
    assert "2 held" in rear
    assert "4 free" in rear
    assert "2 unconfirmed" in rear
    assert "viewer 2171 ended" in rear
    assert "detector 2140" in rear
    assert "detector 2140 ended" not in rear


def test_quarantine_is_told_with_its_reason_in_its_pool_and_at_the_top(page, serve):
    opened(page, serve, figures.ordinary())
    words = "2 slots in quarantine: viewer (2171) held them when it died"
    assert words in page.all("article.pool")[1].text
    assert f"camera/rear has {words}" in page.card("Needs attention").text


def test_what_needs_attention_is_told_at_the_top_with_what_to_do(page, serve):
    host = figures.ordinary()
    server = opened(page, serve, host)
    assert "7" not in page.titles()[0]
    host["host"] |= {"pressure": "critical", "unreadable_accounts": 1}
    host["pools"][0] |= {"waiting": 2}
    host["pools"][2]["producer"]["lives"] = False
    host["processes"][3]["figures"]["holds_leaked"] = 1
    server.host["queues"][1]["lanes"][0]["dropped"] += 17
    page.until(lambda: page.titles()[0] == "Needs attention 8")
    page.one("#attention ~ details summary").click()
    page.until(lambda: len(page.all(".attention li")) == 8)
    told = page.card("Needs attention").text
    for words in (
        "Memory pressure is critical",
        "raise the limit (ZENOH_PINNED_HOST_BYTES)",
        "1 account cannot be read",
        "camera/front is full: 2 allocations wait for one of 8 slots. Give it more",
        "lidar/top outlives its producer, lidar 2110 ended: 64 MiB stay",
        "viewer 2171 ended with camera/rear attached",
        "detector 2140 keeps 1 slot until it ends",
        "recorder 2163 lost 17 frames of camera/front in the last minute",
    ):
        assert words in told
    assert "2 allocations wait for a free slot" in page.all("article.pool")[0].text


def test_processes_tell_their_paths_and_the_reasons_in_their_own_words(page, serve):
    host = figures.ordinary()
    opened(page, serve, host)
    assert "staged 212, pageable 30" in page.card("Processes").text
    widths = page.run(
        """
        const bars = [...document.querySelectorAll("tr svg.share")].slice(0, 3);
        return bars.map((bar) => [...bar.children].map((part) => Number(part.getAttribute("width"))));
        """
    )
    assert widths[0][0] > 99
    assert widths[1][0] > widths[1][1] > widths[1][2] > 0
    assert widths[2] == [0, 0, 0, 100]
    reasons = page.card("Why frames did not go direct").text
    for reason in (figures.NO_DRIVER, figures.OVER_BUDGET, figures.PENDING):
        assert reason["latest"] in reasons
        assert reason["kind"].replace("_", " ") in reasons


def test_processes_with_one_reason_are_told_of_together(page, serve):
    opened(page, serve, figures.crowded())
    rows = page.card("Why frames did not go direct").find_elements("css selector", "tbody tr")
    assert [row.text.split("\n")[-1].split()[-1] for row in rows] == [f"{sum(at * 3 for at in range(50)):,}"]
    assert "and 47 others" in rows[0].text


def test_queues_tell_what_waits_in_them_and_what_was_lost(page, serve):
    opened(page, serve, figures.ordinary())
    rows = [row.text for row in page.card("Queues").find_elements("css selector", "tbody tr")]
    assert "recorder 2163" in rows[0], "what is full comes first"
    assert "64 of 64" in rows[0]
    assert "311" in rows[0]
    assert "drop oldest" in rows[0]


def test_workers_tell_their_states_and_what_is_asked_of_them(page, serve):
    server = serve(figures.ordinary())
    server.seconds = itertools.count().__next__
    server.cadence = 0.1
    page.open(server.address)
    pool = page.one("article.workers")
    assert "supervised by robot 2180 · 1 client" in pool.text
    for words in ("5 of 256 2 with workers", "closed", "3 workers enough", "Answered 60/s", "half ≤ 2.5 ms"):
        page.until(lambda words=words: words in pool.text.replace("\n", " "))
    tiles = [tile.text.replace("\n", " ") for tile in page.all("article.workers li.tile")]
    assert tiles[0].startswith("processing worker 0 process 2300 ")
    assert "1 batch · " in tiles[0]
    assert "processors 1" in tiles[1]
    assert tiles[2].startswith("idle worker 2")
    # A state has a mark of its own beside its word.
    marks = {mark.get_attribute("class") for mark in page.all("li.tile .swatch")}
    assert len(marks) == 3


def test_what_is_wrong_with_workers_is_told_at_the_top_and_by_each(page, serve):
    host = figures.ordinary()
    server = opened(page, serve, host)
    assert "Workers" not in page.one(".well, .attention").text
    host["workers"] = figures.killed()
    page.until(lambda: len(page.all("article.workers")) == 2)
    page.next_message()
    server.host["workers"][0]["failed"]["poisoned"] += 2
    page.until(lambda: "gave up 2 requests" in page.one(".attention").get_attribute("textContent"))
    for fold in page.all(".attention details"):
        page.run("arguments[0].open = true", fold)
    page.until(lambda: "Worker 0 of ocr" in page.card("Needs attention").text)
    told = page.card("Needs attention").text
    for words in (
        "detector is full: 256 of 256 requests",
        "ocr does not do its work: no worker can be started: weights/ocr.onnx cannot be read",
        "ocr has failed, and is tried with one request at a time",
        "Worker 0 of ocr is failed: weights/ocr.onnx cannot be read",
    ):
        assert words in told
    detector, ocr = (pool.text.replace("\n", " ") for pool in page.all("article.workers"))
    for words in (
        "restarts 12",
        "refused 312 full",
        "20 17 expired, 3 poisoned",
        "1 silent",
        "loading worker 1",
        "dead worker 2 no process",
        "3 restarts",
    ):
        assert words in detector
    for words in ("half open opened 2 times", "failed worker 0", "5 restarts", "No such file or directory"):
        assert words in ocr


def test_a_supervisor_that_stands_still_is_told(page, serve):
    host = figures.ordinary()
    host["workers"][0] |= {"silent_seconds": 42, "not_ready": "its supervisor has said nothing for 42 s"}
    opened(page, serve, host)
    assert "said 42 s ago" in page.one("article.workers").text
    assert "detector does not do its work: its supervisor" in page.card("Needs attention").text


def test_rates_are_those_of_the_counters_and_plots_grow(page, serve):
    host = figures.ordinary()
    server = serve(host)
    server.seconds = itertools.count().__next__
    server.cadence = 0.1
    page.open(server.address)
    plot = page.all("figure.plot")[1]
    page.until(lambda: "90/s" in plot.text)
    points = "return arguments[0].querySelector('path').getAttribute('d').split('L').length"
    before = page.run(points, plot)
    page.until(lambda: page.run(points, plot) > before)
    assert "30/s" in page.all("article.pool")[0].text
    words = page.all("figure.plot")[5].text
    assert "half ≤ 200 µs" in words
    received = page.all("figure.plot")[0].find_elements("css selector", "path")
    assert [path.get_attribute("class").split()[-1] for path in received] == [
        "direct",
        "staged",
        "pageable",
        "host",
    ]


def test_counters_that_begin_anew_and_processes_that_end_make_no_negative_rate(page, serve):
    host = figures.ordinary()
    server = serve(host)
    server.seconds = itertools.count().__next__
    server.cadence = 0.1
    page.open(server.address)
    page.until(lambda: "90/s" in page.all("figure.plot")[0].text)
    for one in host["processes"]:
        one["figures"]["frames"] = dict.fromkeys(one["figures"]["frames"], 0) | {"host": 5}
    del host["processes"][0]
    page.next_message()
    heights = page.run(
        """
        const paths = [...document.querySelectorAll("figure.plot path")];
        return paths.map((path) => path.getAttribute("d")).join(" ");
        """
    )
    assert "NaN" not in heights
    values = [float(pair.split()[1]) for pair in heights.replace("M", "L").split("L") if pair.strip()]
    assert all(-0.1 <= value <= 48.1 for value in values), "everything is inside of its plot"


def test_files_that_cannot_be_read_are_a_warning(page, serve):
    host = figures.ordinary()
    opened(page, serve, host)
    assert not any(title.startswith("Unreadable") for title in page.titles())
    host["unreadable"] = [{"file": "/dev/shm/17.zenoh", "why": "its header page does not fit its size"}]
    page.until(lambda: any(title.startswith("Unreadable") for title in page.titles()))
    assert "/dev/shm/17.zenoh" in page.card("Unreadable files").text
    assert "its header page does not fit its size" in page.card("Unreadable files").text
    assert "1 file cannot be read" in page.card("Needs attention").text


def test_an_empty_host_says_what_to_do(page, serve):
    opened(page, serve, figures.empty())
    assert "Nothing needs attention" in page.titles()
    assert "make demo" in page.card("Processes").text
    assert "docker run --ipc=host" in page.card("Pools").text


def test_a_source_that_fails_says_so_in_its_card_and_leaves_the_others(page, serve):
    host = figures.ordinary()
    host["pools"] = {"error": "/dev/shm cannot be listed: permission denied; mount a tmpfs there"}
    host["processes"] = {"error": "no /proc"}
    opened(page, serve, host)
    assert "permission denied; mount a tmpfs there" in page.card("Pools").text
    assert page.one("main").text.count("no /proc") == 1
    assert "camera/front" in page.card("Queues").text
    assert "301 MiB" in page.card("Host").text


def test_a_source_that_nobody_knows_is_a_table(page, serve):
    host = figures.ordinary()
    host["arms"] = [
        {"name": "arm-0", "state": "running", "memory_bytes": 12_582_912, "joints": [0, 1]},
        {"name": "arm-1", "state": "waiting", "memory_bytes": 0, "since": {"boot_seconds": 0.25}},
    ]
    host["license"] = "Apache-2.0"
    opened(page, serve, host)
    arms = page.card("Arms")
    assert [cell.text for cell in arms.find_elements("css selector", "thead th")][:4] == [
        "name",
        "state",
        "memory bytes",
        "joints",
    ]
    assert "running" in arms.text
    assert "12 MiB" in arms.text
    assert "250 ms" in arms.text
    assert "Apache-2.0" in page.card("License").text
    assert page.one("#contents").text.endswith("Arms\nLicense")


def test_what_makes_no_sense_is_shown_as_it_came_and_disturbs_no_other_card(page, serve):
    host = figures.ordinary()
    host["pools"] = 17
    host["queues"] = [{"id": 1}, None]
    host["workers"] = {"name": "detector"}
    host["unreadable"] = None
    host["host"] = []
    opened(page, serve, host)
    for title in ("Pools", "Workers", "Queues"):
        assert "This page cannot show what the server says here" in page.card(title).text
    assert "detector 2140" in page.card("Processes").text
    page.next_message()


def test_a_hostile_name_stays_text(page, serve):
    opened(page, serve, figures.hostile())
    page.next_message()
    assert page.all("article.pool h3")[1].text.startswith("<img src=x onerror=")
    assert page.run("return window.broken") is None
    assert page.run("return ({}).polluted") is None
    assert page.all("main img, main script, nav img, nav script, [onerror]") == []
    loose = page.run(script("loose.js"))
    assert loose == []
    assert HOSTILE in page.run("return document.querySelector('main').textContent")
