"""Pinned outputs of Python nodes, in dataflows of the released dora."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from dataflow import node, run

pytest.importorskip("dora", reason="the dora-rs wheel is not installed (it needs Python 3.11)")
pytest.importorskip("pyarrow")


def camera(mode, *, outputs=("image",), **environment):
    return node("camera", "camera.py", outputs=outputs, MODE=mode, **environment)


def sink(*inputs):
    return node(
        "sink",
        "stock_sink.py",
        inputs={name: {"source": f"camera/{name}", "queue_size": 100} for name in inputs or ["image"]},
    )


def test_what_is_written_in_place_arrives_there_in_order_and_before_the_end(tmp_path):
    journals = run(tmp_path, camera("in_place"), sink())
    camera_notes, received = journals["camera"], journals["sink"]
    assert camera_notes.of("copied") == [False] * 30
    assert camera_notes.of("aligned") == [True] * 30
    assert all(name.startswith("/dev/shm/") for name in camera_notes.of("file"))
    assert [entry["number"] for entry in received.of("metadata")] == list(range(30))
    assert received.of("sum") == [number * 144 * 128 * 4 for number in range(30)]
    assert received.of("shared") == received.of("aligned") == [True] * 30
    assert received.of("metadata")[0]["shape"] == [144, 128, 4]
    assert received.of("time") == sorted(received.of("time"))
    assert received[-1] == {"closed": "image"}


def test_an_array_is_copied_once(tmp_path):
    journals = run(tmp_path, camera("by_copy", COUNT=20), sink())
    received = journals["sink"]
    assert received.of("sum") == [number * 50000 for number in range(20)]
    assert received.of("shared") == [True] * 20
    # One slot for each message, and one for the proof that the consumer can attach the pool.
    assert journals["camera"].of("allocations") == [[21]]


def test_arrays_and_metadata_of_every_kind_arrive_as_they_were(tmp_path):
    received = run(tmp_path, camera("of_every_kind"), sink())["sink"]
    text = [98, 121, 116, 101, 115]
    assert received.of("list") == [
        [1, 2, 3],
        [[1, 2], None, [3]],
        ["a", None, "c"],
        [{"x": 1, "y": "z"}],
        [True, False, None],
        ["a", "b", "a"],
        [],
        text,
        text,
        text,
        [0.0, 1.0, 2.0],
        [0, 1, 2, 3, 4, 5],
    ]
    metadata = received.of("metadata")
    for entry in metadata:
        assert (entry["bool"], entry["int"], entry["float"], entry["str"]) == (True, 3, 2.5, "text")
        assert (entry["ints"], entry["floats"], entry["strs"]) == ([1, 2], [1.0, 2.0], ["a", "b"])
        # As dora's own call has it.
        assert (entry["numpy"], entry["truth"]) == ("7", "True")
        assert entry["time"].startswith("2026-01-01 10:00:00")
    assert metadata[-1]["shape"] == [2, 3]


@pytest.mark.parametrize("shared_from", [1, "48KiB"])
def test_whatever_is_sent_arrives_the_same_pinned_and_not_and_as_of_dora_itself(shared_from, tmp_path):
    def inputs(*names):
        return {name: {"source": source, "queue_size": 250} for name, source in names}

    names = [("pinned", "camera/pinned"), ("unpinned", "camera/unpinned"), ("stock", "stock/values")]
    journals = run(
        tmp_path,
        camera(
            "both_ways",
            outputs=("pinned", "unpinned"),
            ZENOH_PINNED_SLOTS=16,
            ZENOH_PINNED_SHARED_FROM=shared_from,
        ),
        node("stock", "stock_camera.py", outputs=["values"]),
        node("sink", "value_sink.py", inputs=inputs(*names)),
    )
    ways = {way: {} for way, _ in names}
    for entry in journals["sink"]:
        ways[entry.pop("way")][entry.pop("name")] = entry
    for received in ways.values():
        received.pop("first", None)
    refused = {way: {} for way, _ in names}
    for entry in [*journals["camera"], *journals["stock"]]:
        if "refused" in entry:
            refused[entry["way"]][entry["refused"]] = (entry["error"], entry["message"])
    assert ways["pinned"] == ways["unpinned"]
    assert refused["pinned"] == refused["unpinned"]
    for name, entry in ways["stock"].items():
        ours = f"data arrow {name.removeprefix('data ')}" if name.startswith("data ") else name
        assert ways["pinned"][ours] == entry, name
    metadata = {name: error for name, (error, _) in refused["pinned"].items() if name.startswith("metadata")}
    assert metadata == {name: error for name, (error, _) in refused["stock"].items()}
    # Lest everything had been refused, or one of the ways had become the other.
    assert len(ways["pinned"]) + len(refused["pinned"]) == len(ways["unpinned"]) + len(refused["unpinned"])
    assert {name for name in refused["pinned"] if name.startswith("data")} == {
        f"data {name}"
        for name in (
            "complex",
            "other byte order",
            "structure",
            "raw",
            "unknown",
            "mixed list",
            "mixed objects",
        )
    }
    assert ways["pinned"]["data masked"]["value"] == "[1, None, 3, 4]"
    assert ways["pinned"]["metadata uint64"]["metadata"] == "{'value': '18446744073709551615'}"
    ((_, path, *sent, copied), (_, other, _, _, none)) = journals["camera"].of("outputs")[0]
    assert (path, other, none) == ("pinned", "dora", 0)
    # In slots, or as bytes.
    assert sent[shared_from != 1] == sum(sent) == len(ways["pinned"]) + 1
    assert copied > 20


def test_copies_that_other_data_needs_are_counted(tmp_path):
    journals = run(tmp_path, camera("copies", ZENOH_PINNED_SHARED_FROM=1), sink())
    assert journals["camera"].of("copied") == [[0], [4], [4], [5]]


def test_mistakes_are_errors_that_say_what_to_do_and_lose_nothing(tmp_path):
    journals = run(tmp_path, camera("mistakes"), sink())
    notes = journals["camera"]
    expected = [
        ("TypeError", "byte order"),
        ("TypeError", "object"),
        ("TypeError", "complex64"),
        ("TypeError", "'a'|\"a\""),
        ("TypeError", "no string"),
        ("ValueError", "pinned too"),
        ("ValueError", "'an output' is no output's id"),
        ("ValueError", "must not be empty"),
        ("ValueError", "'image/'"),
        ("ValueError", "zero or overflows"),
        ("ValueError", "zero or overflows"),
        ("TypeError", "datetime64"),
        ("KeyError", "declare it"),
        ("OverBudget", "ZENOH_PINNED_MAX_BYTES"),
        ("ValueError", "no time"),
        ("OSError", "lens cap"),
    ]
    assert notes.of("refused") == [kind for kind, _ in expected]
    for message, (_, part) in zip(notes.of("message"), expected, strict=True):
        assert any(word in message for word in part.split("|")), message
    assert "fork" in notes.of("forked")[0]
    assert [bytes(values) for values in journals["sink"].of("list")] == [b"first", b"last"]


def test_an_output_that_began_unpinned_stays_on_doras_path_in_order(tmp_path):
    journals = run(tmp_path, camera("not_pinned"), sink())
    assert journals["sink"].of("list") == [[1], [0, 1, 2, 3], [7, 7, 7, 7]]
    assert journals["sink"].of("metadata")[2]["shape"] == [2, 2]
    assert journals["camera"].of("path") == ["dora"]
    assert "first message" in journals["camera"].of("reason")[0]


def test_a_frame_with_living_views_is_sent_by_a_copy(tmp_path):
    journals = run(tmp_path, camera("both", outputs=("image", "second")), sink("image", "second"))
    assert journals["camera"].of("paths") == [["pinned", "pinned"]]
    sums = {entry["input"]: entry["sum"] for entry in journals["sink"] if "input" in entry}
    assert sums == {"image": 0, "second": 50000}


def test_a_node_that_is_closed_while_a_frame_is_written_says_so_and_leaves_the_array(tmp_path):
    journals = run(tmp_path, camera("closed_in_the_block"), sink())
    notes = journals["camera"]
    assert notes.of("error") == ["the node is closed"]
    assert (notes.of("sum"), notes.of("writeable")) == ([350000], [False])
    assert notes.of("paths") == [["pinned"]]
    assert notes.of("late") == ["the node is closed"]
    assert [bytes(values) for values in journals["sink"].of("list")] == [b"first"]


def test_a_perception_node_without_a_device_reads_the_same_bytes_and_knows_why(tmp_path):
    perception = node("sink", "perception.py", inputs={"image": "camera/image"})
    notes = run(tmp_path, camera("in_place", COUNT=5), perception)["sink"]
    assert notes.of("sum") == [number * 144 * 128 * 4 for number in range(5)]
    assert notes.of("shape") == [[144, 128, 4]] * 5
    assert set(notes.of("path")) == {"host"}
    assert set(notes.of("reason")) == {"no_driver"}
    assert all(notes.of("shared"))
    assert notes.of("kept") == [[0]]


def test_what_a_sleeping_consumer_does_not_read_is_dropped_unless_a_wait_is_asked_for(tmp_path):
    sleeping = sink()
    sleeping["env"]["PAUSE"] = "500"
    sleeping["inputs"]["image"]["queue_size"] = 1
    journals = run(tmp_path, camera("sleeping_consumer", COUNT=120, ZENOH_PINNED_SLOTS=8), sleeping)
    notes = journals["camera"]
    (sent,), (dropped,) = notes.of("sent"), notes.of("dropped")
    assert sent + dropped == 120
    assert dropped > 50
    assert "slots" in notes.of("full")[0]
    assert (tmp_path / "log").read_text().count("messages are dropped") == 1
    numbers = [entry["number"] for entry in journals["sink"].of("metadata")]
    assert numbers == sorted(numbers)


def test_a_prepared_output_needs_no_other_pool_for_larger_messages(tmp_path):
    journals = run(tmp_path, camera("prepared", ZENOH_PINNED_SHARED_FROM=1), sink())
    before, after = journals["camera"].of("bytes")[0]
    assert before == after > 400_000 * 8
    assert journals["sink"].of("shared") == [True] * 30
    assert journals["sink"].of("sum") == [10_000 * (number + 1) * number for number in range(30)]


def test_a_thread_that_waits_for_a_slot_does_not_hold_up_another_output(tmp_path):
    slow = sink()
    slow["id"] = "slow"
    slow["env"]["PAUSE"] = "400"
    both = camera("two_threads", outputs=("image", "second"), ZENOH_PINNED_SLOTS=4)
    journals = run(tmp_path, both, slow, sink("second"))
    assert journals["camera"].of("is_still_waiting") == [True]
    assert [entry["number"] for entry in journals["sink"].of("metadata")] == list(range(30))


def test_thousands_of_messages_leave_nothing_behind(tmp_path):
    count = 5000
    journals = run(tmp_path, camera("many", COUNT=count), sink())
    assert [entry["number"] for entry in journals["sink"].of("metadata")] == list(range(count))
    # Less than ten bytes a message: an object that stayed would be more.
    assert journals["camera"].of("grown")[0] < max(10 * count, 1 << 20)


def test_a_perception_node_with_a_device_copies_there_directly(tmp_path, driver):
    # dora takes the library path of a node's `env:` away, so the node is started with it by /usr/bin/env.
    wrapper = tmp_path / "perception.sh"
    perception = node("sink", "perception.py", inputs={"image": "camera/image"})

    wrapper.write_text(
        f"#!/bin/sh\nLD_LIBRARY_PATH={driver['LD_LIBRARY_PATH']} exec {sys.executable} {perception['path']}\n"
    )
    wrapper.chmod(0o755)
    perception["path"] = str(wrapper)
    notes = run(tmp_path, camera("in_place", COUNT=60), perception)["sink"]
    assert notes.of("sum") == [number * 144 * 128 * 4 for number in range(60)]
    # Until the segment is registered, in the background, frames go another way.
    paths = notes.of("path")
    assert paths[-1] == "direct"
    assert "host" not in paths
    assert "direct" not in paths[: -paths.count("direct")]


def test_the_example_runs_as_it_is(tmp_path):
    pytest.importorskip("av")
    example = Path(__file__).parents[3] / "examples" / "dora-camera"
    described = yaml.safe_load((example / "dataflow-python.yml").read_text())["nodes"]
    for program in described:
        program["path"] = str(example / program["path"])
        program.setdefault("env", {})
    described[0]["env"] |= {"CAMERA_FRAMES": 30, "CAMERA_RATE": 15}
    run(tmp_path, *described)
    rows = re.findall(r"stdout (\w+): (\S.*?)  +(\S.*)", (tmp_path / "log").read_text())
    table = {(program, name): value for program, name, value in rows}
    assert (table["camera", "Frames sent"], table["camera", "Path"]) == ("30", "pinned")
    for program in ("python", "perception"):
        assert table[program, "Frames received"] == "30"
        for trouble in ("Frames missing", "Out of order", "Wrong checksums"):
            assert table[program, trouble] == "0", table
    assert table["perception", "Path to the device"] == "host 30"
    assert "libcuda" in table["perception", "Reason"]
