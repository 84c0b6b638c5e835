"""Programs of torch and CuPy on a real device, each a function, run in a process of its own, without pytest.

They do what is usual there and was wrong with memory of another library's: streams of their own, memory that
is let go while it is still read, graphs that are captured beside other threads. A program prints ``ok``, or
``skipped`` and why.
"""

import importlib.util
import os
import sys
import threading
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))
import zenoh_pinned

import meeting
from device_programs import direct, pair

BYTES = 8 << 20
ROUNDS = 40
# Some ten milliseconds of a kernel that does nothing.
CYCLES = 20_000_000


class Skipped(Exception):
    """What the program is about is not here."""


def library(name):
    if os.environ.get("ZENOH_PINNED_CUDA") != "real":
        msg = "the driver double runs no kernels of other libraries"
        raise Skipped(msg)
    if importlib.util.find_spec(name) is None:
        msg = f"{name} is not installed"
        raise Skipped(msg)
    return importlib.import_module(name)


def on_device(number):
    return zenoh_pinned.to_device(np.full(BYTES, number, np.uint8), "cuda:0")


def reuse(number):
    """Ask for memory of the same size, and fill it with something else."""
    for other in [on_device(255 - number) for _ in range(3)]:
        other.synchronize()


def check(sums):
    assert [int(total) for total in sums] == [number * BYTES for number in range(ROUNDS)]


def torch_reads_beside(shared):
    """Have a side stream read what is let go at once."""
    torch = library("torch")
    side = torch.cuda.Stream()
    sums = []
    for number in range(ROUNDS):
        tensor = shared(torch, on_device(number))
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            torch.cuda._sleep(CYCLES)
            sums.append(tensor.sum(dtype=torch.int64))
        # Nobody has told the tensor's owner of the side stream, and nobody has to.
        del tensor
        reuse(number)
    check(sums)


def torch_reads_on_side_streams_what_was_let_go():
    torch_reads_beside(lambda torch, buffer: torch.from_dlpack(buffer))


def torch_shares_by_the_array_interface_what_was_let_go():
    torch_reads_beside(lambda torch, buffer: torch.as_tensor(buffer, device="cuda:0"))


def copies_beside(until):
    """Receive, copy and compare frames on a thread of its own, until told to stop; returns its failures."""
    publisher, subscriber, sessions = pair(frame_bytes=1 << 20, slots=4)
    direct(publisher, subscriber)
    failures = []
    done = []

    def work():
        try:
            while not until.is_set():
                number = len(done) % 251
                publisher.put(np.full(1 << 20, number, np.uint8))
                buffer = zenoh_pinned.to_device(subscriber.recv(5), "cuda:0")
                assert set(np.unique(buffer.to_host())) == {number}, number
                done.append(buffer.path)
        except BaseException as failure:
            failures.append(failure)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    meeting.eventually(lambda: len(done) > 5 or failures)
    return thread, failures, done, sessions


def torch_captures_graphs_of_global_mode_beside_copies():
    torch = library("torch")
    static = torch.zeros(1 << 20, dtype=torch.uint8, device="cuda:0")
    (static * 2 + 1).sum()
    torch.cuda.synchronize()
    until = threading.Event()
    thread, failures, done, sessions = copies_beside(until)
    try:
        for number in range(ROUNDS):
            before = len(done)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="global"):
                result = static * 2 + 1
                # The capture lasts while frames come and go.
                meeting.eventually(lambda before=before: len(done) > before + 2 or failures)
            static.fill_(number)
            graph.replay()
            torch.cuda.synchronize()
            assert int(result.sum(dtype=torch.int64)) == (2 * number + 1) << 20, number
    finally:
        until.set()
        thread.join()
    assert not failures, failures
    assert set(done) == {"direct"}, set(done)
    del sessions


def a_copy_becomes_part_of_torchs_graph():
    torch = library("torch")
    publisher, subscriber, sessions = pair(frame_bytes=1 << 20, slots=4)
    direct(publisher, subscriber)
    meeting.eventually(lambda: meeting.in_use(publisher) == 0)
    static = torch.zeros(1 << 20, dtype=torch.uint8, device="cuda:0")
    publisher.put(np.full(1 << 20, 7, np.uint8))
    frame = subscriber.recv(5)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="global"):
        zenoh_pinned.copy_into(static, frame, stream=torch.cuda.current_stream())
        result = static + 1
    del frame
    for _ in range(3):
        static.zero_()
        graph.replay()
        torch.cuda.synchronize()
        assert int(result.sum(dtype=torch.int64)) == 8 << 20
        assert meeting.in_use(publisher) == 1, "the graph has the frame"
    del graph
    torch.cuda.synchronize()
    meeting.eventually(lambda: meeting.in_use(publisher) == 0)
    del sessions


def cupy_destroys_the_streams_that_it_has_named():
    cupy = library("cupy")
    sums = []
    for number in range(ROUNDS):
        stream = cupy.cuda.Stream(non_blocking=True)
        copied_on = cupy.cuda.Stream(non_blocking=True)
        buffer = zenoh_pinned.to_device(np.full(BYTES, number, np.uint8), "cuda:0", stream=copied_on)
        del copied_on
        with stream:
            array = cupy.from_dlpack(buffer)
            sums.append(array.sum(dtype=cupy.uint64))
        stream.synchronize()
        del stream
        del array, buffer
        reuse(number)
    check(sums)


def cupy_reads_on_the_default_streams_of_threads_what_was_let_go():
    cupy = library("cupy")
    wait = cupy.RawKernel(
        'extern "C" __global__ void wait(long long cycles) {'
        " long long begin = clock64(); while (clock64() - begin < cycles) {} }",
        "wait",
    )
    sums = {}

    def read(number, buffer):
        with cupy.cuda.Stream.ptds:
            array = cupy.from_dlpack(buffer)
            wait((1,), (1,), (np.int64(CYCLES),))
            sums[number] = array.sum(dtype=cupy.uint64)

    for number in range(ROUNDS):
        buffers = [on_device(number)]
        thread = threading.Thread(target=read, args=(number, buffers.pop()))
        thread.start()
        thread.join()
        del thread
        reuse(number)
    cupy.cuda.runtime.deviceSynchronize()
    check(sums[number] for number in range(ROUNDS))


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except Skipped as why:
        print("skipped:", why)
    else:
        print("ok", os.getpid())
