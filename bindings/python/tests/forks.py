"""Forked children, for tests and for programs that run without pytest."""

import multiprocessing


def child(work):
    """Run `work` in a forked child that ends with Python's exit handlers; give what it returned."""
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=lambda: writing.send(work()))
    process.start()
    assert reading.poll(60), "the child hangs"
    answer = reading.recv()
    process.join(60)
    assert process.exitcode == 0, process.exitcode
    return answer


def error_of(work):
    """The error that `work` raises, as text; `None` where it raises none."""
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
