"""Answers that are written where whoever asked wants them, and that have a few bytes beside them."""

import threading

import numpy
import pytest
import zenoh_pinned
from zenoh_pinned import workers

from meeting import connecting, listening
from nodes.worker import address_of, place_of, written
from working import serving

NBYTES = 80_000
# Of one size, in whatever has slots.
SLOTS = 64


def segments_of(asking):
    """The files that its slots of this size lie in."""
    slots = [asking.allocate(NBYTES) for _ in range(SLOTS)]
    return {segment_of(slot.__enter__()) for slot in slots}


def segment_of(array):
    return place_of(address_of(array)).split()[0]


def told(answer):
    return bytes(answer)[-64:].decode().strip()


@pytest.mark.parametrize("how", ["the supervisor", "a client"])
def test_an_answer_is_written_into_the_slot_of_whoever_asked(alone, how):
    with serving(alone, "writes") as pool:
        asking = pool if how == "the supervisor" else workers.Client(alone, "test")
        segments = segments_of(asking)
        # Each comes back.
        for _ in range(SLOTS + 1):
            answer = asking.request(f"{NBYTES}", answer_in=asking.allocate(NBYTES + 1000)).result()
            assert answer.numpy(dtype="float64")[0] == 1
            assert (answer.nbytes, answer.is_shared, answer.attachment) == (NBYTES, True, b"False")
            assert told(answer) == place_of(address_of(answer))
            assert segment_of(answer) in segments
        assert bytes(pool.request(f"{NBYTES}").result()) == b"nowhere"
        asking.close()


@pytest.mark.parametrize("part", [0, 8, 4096, 4097, NBYTES])
def test_an_answer_may_be_shorter_than_its_slot(alone, part):
    with serving(alone, "writes") as pool:
        answer = pool.request(f"{NBYTES} {part}", answer_in=pool.allocate(NBYTES)).result()
        ones = answer.numpy(dtype="uint8")[: NBYTES - 64]
        assert answer.nbytes == part
        assert ones.tobytes() == numpy.ones(len(ones) // 8 + 1).tobytes()[: len(ones)]


@pytest.mark.parametrize(("asked", "says"), [("80008", "no place for an array"), ("80000 80001", "of 80000")])
def test_what_does_not_fit_is_refused(alone, asked, says):
    with serving(alone, "writes") as pool, pytest.raises(workers.EngineFailed, match=says):
        pool.request(asked, answer_in=pool.allocate(NBYTES)).result()


def test_long_bytes_are_laid_into_the_slot_where_they_fit(alone):
    with serving(alone, "produces") as pool:
        segments = segments_of(pool)
        for nbytes, fits in ((NBYTES, True), (5000, True), (NBYTES + 1, False)):
            answer = pool.request(f"{nbytes}", answer_in=pool.allocate(NBYTES)).result()
            assert bytes(answer) == bytes([7]) * nbytes
            assert (segment_of(answer) in segments) is fits


def test_a_slot_is_for_one_answer_and_for_nothing_else(alone):
    with serving(alone, "writes") as pool:
        slot = pool.allocate(NBYTES)
        with pytest.raises(TypeError):
            pool.request({"no": "payload"}, answer_in=slot)
        # What was not asked leaves it as it was.
        assert pool.request(f"{NBYTES}", answer_in=slot).result().attachment == b"False"
        with pytest.raises(ValueError, match="sent"):
            pool.request(b"8", answer_in=slot)
        with pytest.raises(ValueError, match="sent"), slot:
            pass
        with pytest.raises(ValueError, match="with block"):
            pool.request(slot)
        slot = pool.allocate(NBYTES)
        with slot, pytest.raises(ValueError, match="written"):
            pool.request(b"8", answer_in=slot)
        with pytest.raises(ValueError, match="written"):
            pool.request(b"8", answer_in=slot)
        with pytest.raises(TypeError, match="bytearray"):
            pool.request(b"8", answer_in=bytearray(8))


def test_a_view_that_outlives_the_block_makes_the_answer_a_copy(alone):
    with serving(alone, "keeps_a_view") as pool:
        segments = segments_of(pool)
        answers = []
        for _ in range(3):
            answer = pool.request(b"", answer_in=pool.allocate(NBYTES)).result()
            assert (answer.nbytes, answer.attachment) == (5000, b"True")
            assert segment_of(answer) not in segments
            answers.append(answer)
        # Nor has what it wrote later met the slots that were used again.
        rest = [pool.allocate(NBYTES) for _ in range(SLOTS - 3)]
        with pytest.raises(workers.NoMemory):
            pool.allocate(NBYTES)
        pool.request(b"", answer_in=rest.pop()).result()
        for slot in rest:
            with slot as array:
                assert array[0] != 9
            del array
        assert all(set(bytes(answer)) == {1} for answer in answers)


def test_nobody_writes_an_answer_whose_batch_is_over(alone):
    with serving(alone, "is_late", batch=3, delay=0.2) as pool:
        assert pool.wait_until_ready()
        all_three = [pool.request(b"", answer_in=pool.allocate(NBYTES)) for _ in range(3)]
        answers = [bytes(pending.result()) for pending in all_three]
        assert answers == [b"the first", b"the second", b"the third"]
        answer = str(pool.request(b"").result(), "utf-8")
        assert answer.startswith("[None, False, 'the slot has been sent or released")
        assert answer.count("released") == 2


def test_a_worker_that_has_no_part_in_the_memory_answers_all_the_same(port):
    with (
        zenoh_pinned.Session(listening(port)) as session,
        workers.Workers("test", range=(1, 1), session=session) as pool,
        zenoh_pinned.Session(connecting(port)) as other,
    ):
        joined = workers.Worker.join(other, "test")
        serves = threading.Thread(target=joined.serve, args=(lambda batch: [written(batch[0], NBYTES)],))
        serves.start()
        answer = pool.request(b"", answer_in=pool.allocate(NBYTES)).result()
        assert (answer.nbytes, answer.attachment, answer.numpy(dtype="float64")[0]) == (NBYTES, b"False", 1)
        joined.close()
        serves.join(20)


def test_an_answer_has_a_few_bytes_beside_it(alone):
    with serving(alone, "attaches") as pool:
        for payload in (b"", b"frame 7", bytes(1024)):
            answer = pool.request(payload).result()
            assert (bytes(answer), answer.attachment) == (payload, payload)
        with pytest.raises(workers.EngineFailed, match="1025 bytes"):
            pool.request(bytes(1025)).result()
    with serving(alone, "echo") as pool:
        assert pool.request(b"x", attachment=b"not of the answer").result().attachment == b""
    assert workers.Attached(b"", "naïve").attachment == "naïve".encode()
    with pytest.raises(TypeError, match="bytes or str"):
        workers.Attached(b"", 7)
