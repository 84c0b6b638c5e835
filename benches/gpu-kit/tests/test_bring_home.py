"""What a lane left becomes a page, and figures of the driver double never do."""
# ruff: noqa: ANN001, ANN201, D103

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lane"))
import bring_home
import results
from kit import DOUBLE

TOOL = """#!/usr/bin/env python3
import sys
from pathlib import Path
assert sys.argv[1] == "tables", sys.argv
folder = Path(sys.argv[2]).parent
tables = "the tables\\n\\n### Aims\\n\\n| aim | ratio | reached |\\n|---|---|---|\\n| quick | 0.50 | yes |\\n"
(folder / "tables.md").write_text(tables + "\\n### Left out\\n\\n- something\\n")
(folder / "latency.svg").write_text("<svg/>")
"""


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.setattr(bring_home, "RESULTS", tmp_path / "results")
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def tool(tmp_path):
    path = tmp_path / "tool"
    path.write_text(TOOL)
    path.chmod(0o755)
    return path


def leave(out, device="Device 9, CUDA 13.0"):
    state = {
        "stage": "tests",
        "state": "done",
        "seconds": 1.5,
        "limit": 90,
        "results": {"passed": 1, "failed": 1},
    }
    kit = {"commit": "abc", "compiler": "rustc 1.95"}
    status = {"device": device, "began": "2026-01-02 03:04:05", "minutes": 5.0, "kit": kit, "stages": [state]}
    results.write_status(out, status)
    tests = results.Results(out, "tests")
    tests.add(binary="pool", name="it_works", outcome="passed", said="")
    tests.add(binary="pool", name="it_breaks", outcome="failed", said="the last words")


def test_a_page_says_which_aims_were_reached_how_stages_ended_and_what_failed(out, tool, tmp_path):
    leave(out)
    (out / "camera").mkdir()
    (out / "camera" / "record.json").write_text("{}")
    page = bring_home.record(bring_home.Brought.read(out), tool, [])
    assert page.name == "2026-01-02-device-9.md"
    text = page.read_text()
    assert "| quick | 0.50 | yes |" in text
    assert "| tests | done | 1.5 | 90 | 1 passed, 1 failed |" in text
    assert "| pool | 1 | 1 | 0 | 0 |" in text
    assert "it_breaks: failed" in text
    assert "the last words" in text
    assert "- something" in text
    kept = {path.name for path in (tmp_path / "results" / "2026-01-02-device-9").iterdir()}
    assert kept == {"record.json", "results.jsonl", "latency.svg"}


def test_a_lane_without_a_camera_still_has_its_page(out, tool):
    leave(out)
    text = bring_home.record(bring_home.Brought.read(out), tool, []).read_text()
    assert "No camera was measured" in text
    assert "the last words" in text


def test_figures_of_the_double_are_refused(out, tool):
    leave(out, DOUBLE)
    with pytest.raises(bring_home.Refused, match="mean nothing"):
        bring_home.record(bring_home.Brought.read(out), tool, [])


def test_a_folder_of_something_else_is_refused(out):
    with pytest.raises(bring_home.Refused, match=r"status\.json"):
        bring_home.Brought.read(out)


def test_a_status_is_replaced_in_one_step(out):
    results.write_status(out, {"number": 1})
    results.write_status(out, {"number": 2})
    assert json.loads((out / "status.json").read_text()) == {"number": 2}
    assert [path.name for path in out.iterdir()] == ["status.json"]
