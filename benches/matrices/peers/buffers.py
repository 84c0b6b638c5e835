"""The buffer manager: blocks of shared memory of one size, made once and used again and again.

The process that makes it owns the blocks and unlinks them; all others attach to them when they start. Whoever
acquires a block writes it, until it puts the block's name into a queue. Whoever gets the name there reads the
block, and releases it. A block whose reference count is 0 is free to be acquired again. Where none is free,
the next one waits: that is the back-pressure.

Knowingly weak: what a killed process has held is never free again, so a run in which one dies has to end.
"""

from __future__ import annotations

import os
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext
    from multiprocessing.queues import Queue
    from types import TracebackType

    from typing_extensions import Self


class BufferManager:
    """Blocks of shared memory, a queue of the free ones' names, and a reference count for each.

    It is handed to other processes when they start, as an argument.
    """

    def __init__(self, context: SpawnContext, count: int, size: int) -> None:
        """Make `count` blocks of `size` bytes. Raise ``OSError`` where shared memory has no room for them."""
        self._free: Queue[str] = context.Queue()
        self._references = context.Array("i", count)
        self._blocks: dict[str, SharedMemory] = {}
        try:
            for _ in range(count):
                block = SharedMemory(create=True, size=size)
                self._blocks[block.name] = block
                reserve(block.name, size)
        except BaseException:
            self.unlink()
            raise
        self._numbers = {name: number for number, name in enumerate(self._blocks)}
        for name in self._blocks:
            self._free.put(name)

    def acquire(self) -> str:
        """Return the name of a block that was free, and now has one reference. Wait while none is free."""
        name = self._free.get()
        with self._references:
            self._references[self._numbers[name]] = 1
        return name

    def release(self, name: str) -> None:
        """Give back a reference. The last one makes the block free."""
        with self._references:
            left = self._references[self._numbers[name]] - 1
            self._references[self._numbers[name]] = left
        if left < 0:
            msg = f"{name} was released more often than it was acquired"
            raise RuntimeError(msg)
        if left == 0:
            self._free.put(name)

    def memory(self, name: str) -> memoryview:
        """Return the bytes of a block, which must not be kept after its release."""
        memory = self._blocks[name].buf
        if memory is None:
            msg = f"{name} was unlinked"
            raise RuntimeError(msg)
        return memory

    def held(self) -> int:
        """Return how many blocks are not free."""
        with self._references:
            return sum(count != 0 for count in self._references[:])

    def unlink(self) -> None:
        """Give all blocks back to the system."""
        for block in self._blocks.values():
            block.close()
            block.unlink()
        self._blocks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unlink()


def reserve(name: str, size: int) -> None:
    """Let the system find the pages of a block now: a full /dev/shm is an error here, and SIGBUS later."""
    file = os.open(f"/dev/shm/{name}", os.O_RDWR)
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: fewer buffers are needed", "/dev/shm") from error
    finally:
        os.close(file)
