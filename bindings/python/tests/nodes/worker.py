"""A worker of the tests: ``worker.py ENGINE [POOL]`` serves with one of the functions below."""

import os
import sys
import time
from pathlib import Path

import numpy as np
from zenoh_pinned import workers


def place_of(address):
    """The file that lies at an address of this process, and where in it."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, _, offset, _, inode, *_ = line.split()
        begin, end = (int(bound, 16) for bound in span.split("-"))
        if begin <= address < end:
            return f"{inode} {int(offset, 16) + address - begin}"
    return "nowhere"


def address_of(array):
    return np.asarray(array).__array_interface__["data"][0]


def echo(batch):
    return list(batch)


def who(batch):
    return [f"{os.getpid()} {len(batch)}"] * len(batch)


def where(batch):
    return [place_of(address_of(request)) for request in batch]


def beside(batch):
    return [b"%s %.1f" % (request.attachment, request.deadline) for request in batch]


def doubles(batch):
    """Writes its answers where the supervisor reads them, and says where in the last 64 bytes."""
    answers = []
    for request in batch:
        slot = workers.current().allocate(request.nbytes + 64)
        with slot as array:
            array[:-64] = request.numpy() * 2
            array[-64:] = np.frombuffer(place_of(address_of(array)).encode().ljust(64), "uint8")
        del array
        answers.append(slot)
    return answers


def writes(batch):
    """Writes ones where the answer is wanted, as it is told, and says where in the last 64 bytes."""
    return [written(request, *map(int, bytes(request).split())) for request in batch]


def written(request, nbytes, part=None):
    slot = request.answer_slot(nbytes // 8, "float64")
    if slot is None:
        return "nowhere"
    assert request.answer_slot() is None
    with slot as array:
        array[:] = 1
        array.view("uint8")[-64:] = np.frombuffer(place_of(address_of(array)).encode().ljust(64), "uint8")
        if part is not None:
            slot.written(part)
    assert not array.flags.writeable
    assert bytes(array[-8:])[:64] != bytes(64), "it shows its bytes still"
    return workers.Attached(slot, f"{slot.copied}")


def keeps_a_view(batch):
    """As `writes`, through a view of which it writes after the answer to the batch before."""
    for view in KEPT:
        view[:] = 9
    (request,) = batch
    with (slot := request.answer_slot()) as array:
        array[:] = 1
        KEPT.append(array[:10])
        slot.written(5000)
    return [workers.Attached(slot, f"{slot.copied}")]


def is_late(batch):
    """Does with the batch before what can no longer be done, and says so."""
    if not KEPT:
        request, unwritten, block = batch[0], batch[1].answer_slot(), batch[2].answer_slot()
        KEPT.extend([request, unwritten, block, block.__enter__()])
        return [b"the first", b"the second", b"the third"]
    # The array stays without a name of its own.
    request, unwritten, block = KEPT[:3]
    said = [request.answer_slot(), KEPT[3].flags.writeable]
    for end in (unwritten.__enter__, lambda: block.__exit__(None, None, None)):
        try:
            end()
        except ValueError as error:
            said.append(str(error))
    return [str(said)]


def produces(batch):
    """As many ordinary bytes as it is told."""
    return [bytes([7]) * int(bytes(request)) for request in batch]


def attaches(batch):
    return [workers.Attached(request, bytes(request)) for request in batch]


KEPT = []


def keeps(batch):
    """Keeps a view of its first request, and says what it shows."""
    if not KEPT:
        KEPT.append(batch[0].numpy())
    return [bytes([KEPT[0].min(), KEPT[0].max()])] * len(batch)


def obeys(batch):
    words = [bytes(request).partition(b" ") for request in batch if request.nbytes < 100]
    told = {word for word, _, _ in words}
    if b"die" in told:
        os._exit(3)
    if b"raise" in told:
        msg = "as told"
        raise LookupError(msg)
    if b"leave" in told:
        sys.exit(5)
    if b"few" in told:
        return []
    if b"none" in told:
        return None
    if b"sleep" in told:
        time.sleep(max(float(argument) for word, _, argument in words if word == b"sleep"))
    return [answer_of(request) for request in batch]


def answer_of(request):
    kinds = {
        b"refuse": ValueError("not this one"),
        b"dictionary": {"not": "a payload"},
        b"strided": np.arange(10)[::2],
        b"text": "naïve",
        b"array": np.arange(6, dtype="float32").reshape(2, 3),
        b"view": memoryview(b"seen"),
        b"large": bytes(range(256)) * 1000,
        b"unwritten": workers.current().allocate(8),
        b"variable": str("ZENOH_PINNED_WORKER" in os.environ),
    }
    return kinds.get(bytes(request), request)


def load_or_fail(engine):
    with workers.Worker.connect() as worker:
        if engine == "cannot_load":
            worker.fail(FileNotFoundError("no such weights"))
        else:
            worker.serve(globals()[engine])


if __name__ == "__main__":
    engine, *pool = sys.argv[1:]
    if pool:
        workers.serve(*pool)(globals()[engine])
        if "AFTERWARDS" in os.environ:
            Path(os.environ["AFTERWARDS"]).write_text("it has ended in order")
    else:
        load_or_fail(engine)
