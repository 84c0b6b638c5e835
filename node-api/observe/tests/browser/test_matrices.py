"""The dashboard of `examples/matrices` as the program serves it: at work, without a worker, at its end."""
# ruff: noqa: ANN001, ANN201, D103

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from conftest import NARROW, PATIENCE, WIDE, script

REPOSITORY = Path(__file__).resolve().parents[4]
MATRIX_BYTES = 200 * 200 * 8
WORKERS = [f"{role} {seat}" for role in ("producer", "compressor", "writer") for seat in range(2)]
STEPS = ("produced", "compressed", "stored")
UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
#: What the cards say at one moment: between two scripts a message can come. Objects would lose their order.
SHOWN = r"""
const words = ({ innerText }) => innerText.replace(/\s+/g, " ").trim();
const card = (key) => document.querySelector(`section[data-key="${key}"]`);
const all = (key, selector) => [...card(key).querySelectorAll(selector)];
const figures = (key) =>
  all(key, ".figure").map((one) => [one.querySelector("dt"), one.querySelector("dd")].map(words));
return {
  run: words(card("pipeline").querySelector("p")),
  figures: figures("pipeline"),
  stages: all("pipeline", ".stages li").map(words),
  plots: all("pipeline", "figure.plot").map(words),
  sums: figures("pipeline-processes"),
  tiles: all("pipeline-processes", ".tile").map((tile) => [tile.dataset.key, words(tile)]),
  done: all("tasks", "tbody tr").map((row) => [row.dataset.key, words(row.cells[3])]),
  log: all("log", ".events li").map(words),
};
"""


class Run:
    """The program, what it serves, and how the page shows it."""

    def __init__(self, process, page) -> None:
        self.process, self.page = process, page
        said = process.stderr.readline()
        found = re.search(r"The dashboard is at (http://\S+/)", said)
        assert found, said or "it has ended"
        self.address = found[1]

    def asked(self, path):
        """Ask as a program does."""
        with urllib.request.urlopen(f"{self.address}{path}", timeout=10) as answer:
            return answer.read().decode()

    def figures(self, of):
        """Ask for what a card shows."""
        return json.loads(self.asked(f"api/{of}"))

    def metrics(self):
        """Ask for its own metrics."""
        found = (line.rsplit(" ", 1) for line in self.asked("metrics").splitlines())
        return {name: float(value) for name, value in found if name.startswith("zenoh_pinned_matrices")}

    def counted(self):
        """Collect everything that only grows, from what is there for programs."""
        whole = self.figures("pipeline-stats")
        counts = {step: whole["matrices"][step] for step in STEPS}
        counts["handed out"] = whole["buffers"]["handed_out"]
        counts |= {one["task"]: one["done"] for one in self.figures("task-stats")["tasks"]}
        processes = self.figures("process-stats")
        return counts | {f"{one['role']} {one['seat']}": one["answered"] for one in processes[1:]}

    def shown(self):
        """Read the cards."""
        shown = self.page.run(SHOWN)
        return shown | {key: dict(shown[key]) for key in ("figures", "sums", "tiles", "done")}

    def processes(self):
        """Find the processes on the page, by what the tiles call them."""
        found = {called: re.search(r"process (\d+) ", tile) for called, tile in self.shown()["tiles"].items()}
        return {called: int(process[1]) for called, process in found.items() if process}

    def open(self):
        """Look at the page when all processes are there."""
        self.page.open(self.address)
        self.page.until(lambda: len(self.processes()) == 1 + len(WORKERS))
        self.page.until(lambda: number(self.shown()["figures"]["Stored"]) > 0)


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"])
def run(request, page, tmp_path):
    """Start the program, to be looked at wide and narrow; it is killed with the test."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    program = Path(os.environ.get("ZENOH_PINNED_MATRICES", target / "debug" / "matrices"))
    if not program.exists():
        pytest.fail(
            f"there is no {program}: cargo build --workspace --all-features, "
            "or name it in ZENOH_PINNED_MATRICES"
        )
    page.look(request.param)
    output = tmp_path / "output"
    arguments = ["--count", "0", "--shape", "200x200", "--dashboard-port", "0", "--output-dir", output]
    # A session of its own, so that an interrupt reaches who a terminal's reaches.
    started = subprocess.Popen(
        [program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with started as process:
        try:
            yield Run(process, page)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    # Tens of megabytes a second, of which pytest would keep those of three runs.
    shutil.rmtree(output)


def number(text, before=""):
    """Read a whole number, the first or the one before a word."""
    found = re.search(rf"([\d,]+) {before}" if before else r"([\d,]+)", text)
    assert found, text
    return int(found[1].replace(",", ""))


def sizes(text):
    """Read amounts of bytes."""
    found = re.findall(r"([\d.,]+) (bytes|KiB|MiB|GiB)", text)
    return [float(amount.replace(",", "")) * UNITS[unit] for amount, unit in found]


def counted(shown):
    """Collect the same from the page."""
    figures = shown["figures"]
    counts = {step: number(figures["Stored"], step) for step in STEPS[:2]}
    counts |= {"stored": number(figures["Stored"]), "handed out": number(figures["Buffers handed out"])}
    counts |= {task: number(done) for task, done in shown["done"].items()}
    return counts | {called: number(shown["tiles"][called], "answered") for called in WORKERS}


def lines(events):
    """Write events as the page does, the latest first."""
    moment = "{:.0f}:{:02.0f}".format
    mark = {"info": "", "warning": "! Warning: "}
    return [
        f"{moment(*divmod(int(one['at_seconds']), 60))} {mark[one['level']]}{one['what']}"
        for one in reversed(events)
    ]


def test_the_cards_grow_and_agree_with_what_programs_are_told(run, page):
    run.open()
    before = run.counted()
    page.next_message()
    first = run.shown()
    metrics = run.metrics()
    after = run.counted()
    for called, count in counted(first).items():
        assert before[called] <= count <= after[called], called
    for step in STEPS:
        assert before[step] <= metrics[f'zenoh_pinned_matrices_total{{task="{step}"}}'] <= after[step]
    page.until(lambda: all(count > after[called] for called, count in counted(run.shown()).items()))

    whole = run.figures("pipeline-stats")
    assert first["run"] == f"{whole['form']} into {whole['output']}"
    figures = first["figures"]
    assert figures["State"].startswith("running for ")
    assert figures["Failed"] == "0 matrices"
    assert metrics['zenoh_pinned_matrices_total{task="failed"}'] == whole["matrices"]["failed"] == 0
    raw, stored = sizes(figures["Compressed"])
    assert raw == pytest.approx(number(figures["Stored"]) * MATRIX_BYTES, rel=0.05)
    ratio = float(figures["Compressed"].split(" : 1")[0])
    assert ratio == pytest.approx(raw / stored, rel=0.05)
    assert ratio == pytest.approx(whole["ratio"], rel=0.05)
    sorts = [metrics[f'zenoh_pinned_matrices_bytes_total{{form="{form}"}}'] for form in ("raw", "stored")]
    assert ratio == pytest.approx(sorts[0] / sorts[1], rel=0.05)
    buffers = whole["buffers"]
    assert 0 <= number(figures["Buffers in use"]) <= number(figures["Buffers in use"], "at most")
    assert number(figures["Buffers in use"], "at most") == buffers["most"]
    assert metrics["zenoh_pinned_matrices_buffers"] <= buffers["peak"] <= buffers["most"]
    assert sizes(figures["Buffers in use"]) == [pytest.approx(buffers["buffer_bytes"], rel=0.05)]
    for role, stage in zip(whole["roles"], first["stages"], strict=True):
        assert stage.startswith(f"{role['role']} {role['wanted']} of {role['wanted']} serve ")
    for plot in first["plots"]:
        assert re.search(r" at most [1-9][\d,.]*( [KM]iB)?/s$", plot)


def test_each_process_is_a_tile_with_its_number_its_load_and_a_line_in_the_log(run, page):
    run.open()
    page.next_message()
    shown = run.shown()
    assert list(shown["tiles"]) == ["pipeline 0", *WORKERS]
    told = {f"{one['role']} {one['seat']}": one for one in run.figures("process-stats")}
    processes = run.processes()
    assert processes == {called: one["pid"] for called, one in told.items()}
    assert processes.pop("pipeline 0") == run.process.pid
    for pid in processes.values():
        assert f"PPid:\t{run.process.pid}\n" in Path(f"/proc/{pid}/status").read_text()
    for called, tile in shown["tiles"].items():
        assert sizes(tile) == [pytest.approx(told[called]["memory_bytes"], rel=0.5)]
    shares = sum(number(tile, "% of a processor") for tile in shown["tiles"].values())
    # Each share is rounded, and so is their sum.
    assert float(shown["sums"]["processors in use"]) == pytest.approx(shares / 100, abs=0.1)
    assert shares > 0
    log = run.figures("log")
    assert shown["log"] == lines(log["events"])
    assert log["left_out"] == 0
    for called, pid in processes.items():
        assert any(line.endswith(f" {called} is process {pid}") for line in shown["log"])


def test_a_compressor_that_is_killed_is_followed_by_another_and_the_log_names_it(run, page, tmp_path):
    run.open()
    before = run.processes()
    os.kill(before["compressor 1"], signal.SIGKILL)
    page.until(lambda: run.shown()["tiles"]["compressor 1"].endswith("answered · 1 restart"))
    page.until(lambda: len(run.processes()) == len(before))
    after = run.processes()
    assert {called for called, pid in after.items() if pid != before[called]} == {"compressor 1"}
    page.until(lambda: run.shown()["stages"][1].startswith("compressor 2 of 2 serve "))
    shown = run.shown()
    assert shown["stages"][1].endswith(" · 1 restart")
    assert shown["figures"]["State"].endswith(", 1 restart")
    ended, follows = before["compressor 1"], after["compressor 1"]
    words = f"compressor 1 (process {ended}) has ended, process {follows} is in its place"
    assert f"Warning: {words}" in shown["log"][0]
    answered, stored = (counted(shown)[key] for key in ("compressor 1", "stored"))
    page.until(lambda: counted(run.shown())["compressor 1"] > answered)
    page.until(lambda: counted(run.shown())["stored"] > stored)
    assert run.shown()["figures"]["Failed"] == "0 matrices"
    assert [role["restarts"] for role in run.figures("pipeline-stats")["roles"]] == [0, 1, 0]

    # As whoever reads takes it along.
    allow = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", allow)
    page.card("Log").find_element("link text", "Export the log as JSON").click()
    exported = tmp_path / "matrices-log.json"
    page.until(exported.exists)
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "default"})
    events = json.loads(exported.read_text(encoding="utf-8"))["events"]
    assert lines(events) == shown["log"]
    assert [one["level"] for one in events] == ["info"] * (1 + len(WORKERS)) + ["warning"]


def test_nothing_is_wider_than_the_screen_and_everything_stands_out(run, page):
    run.open()
    os.kill(run.processes()["compressor 0"], signal.SIGKILL)
    page.until(lambda: "Warning: " in run.shown()["log"][0])
    width = page.run("return innerWidth")
    for scheme in ("light", "dark"):
        page.look(width, scheme)
        page.next_message()
        assert page.run(script("too_wide.js")) == []
        contrast = page.run(script("contrast.js"))
        assert contrast["found"] == []
        assert contrast["texts"] > 100
        assert contrast["marks"] > 50


def test_everything_is_there_for_programs_too(run, page):
    run.open()
    assert "<title>" in run.asked("")
    sources = {"pipeline_stats", "process_stats", "task_stats", "log"}
    stats = run.figures("stats")
    assert sources <= stats.keys()
    heard = page.run(
        """
        const socket = new WebSocket(arguments[0]);
        return new Promise((resolve, reject) => {
          socket.onmessage = ({ data }) => resolve(JSON.parse(data));
          socket.onerror = reject;
        }).finally(() => socket.close());
        """,
        run.address.replace("http", "ws", 1) + "ws",
    )
    assert sources <= heard.keys()
    assert heard["pipeline_stats"]["matrices"]["stored"] >= stats["pipeline_stats"]["matrices"]["stored"] > 0
    assert stats["process_stats"][0]["pid"] == heard["process_stats"][0]["pid"] == run.process.pid
    for source in sources:
        assert type(run.figures(source.replace("_", "-"))) is type(stats[source])


def test_an_interrupt_ends_it_well_and_the_page_says_offline_with_what_it_said_last(run, page):
    run.open()
    assert page.state() == "live"
    os.killpg(run.process.pid, signal.SIGINT)
    said, errors = run.process.communicate(timeout=PATIENCE)
    assert (run.process.returncode, errors.strip()) == (0, "")
    stored = number(next(line for line in said.splitlines() if line.startswith("Matrices stored")))
    page.until(lambda: page.state() == "offline")
    assert "it cannot be reached" in page.one("#state-says").text
    assert page.driver.title == "offline: matrices"
    shown = run.shown()
    assert 0 < number(shown["figures"]["Stored"]) <= stored
    assert list(shown["tiles"]) == ["pipeline 0", *WORKERS]
    assert page.run(script("too_wide.js")) == []
