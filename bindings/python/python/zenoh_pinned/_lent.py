"""Arrays of a slot, lent for the time of a block, whose views can be counted.

Who refers to what decides whether somebody can still write when the block is over::

    slot <- memory <- LentArray   <- names, in the block and elsewhere
                   <- its slices, views, buffers and DLPack tensors

Whatever is made of the lent array refers to `memory`, and is counted there, however many names the array has.
That needs a class of its own: a plain array lends its buffer itself, and slices of a subclass refer to the
array that they were made of.

Knowingly weak: an extension that keeps the array object and its address, such as ``torch.from_numpy``, looks
like a name. While the array has a name beside it there are two references, and the frame is sent by a copy;
where the tensor alone is left, nobody can tell it from a name. The variables of callers are never looked at.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned import _native

if TYPE_CHECKING:
    import numpy.typing as npt

# What refers to an object that one attribute of another refers to, and the call that counts.
_BY_ATTRIBUTE = 2


class LentArray(_native.Lending):
    """An array that lies in a slot; what is computed of it is an ordinary array."""

    # Shared with all views of this class, which keeps them countable.
    __slots__ = ("_memory",)
    _memory: npt.NDArray[Any]

    def __array_finalize__(self, source: object) -> None:
        # A copy has memory of its own.
        if not self.flags.owndata:
            memory: Any = getattr(source, "_memory", None)
            self._memory = memory

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        if array is self:
            return array
        return array[()] if return_scalar or array.ndim == 0 else array.view(np.ndarray)

    def __dlpack__(self, **asked: Any) -> Any:
        """Return a DLPack capsule of a view."""
        return self.view(np.ndarray).__dlpack__(**asked)

    @property
    def ctypes(self) -> Any:
        """What ``ctypes`` needs, of a view."""
        return self.view(np.ndarray).ctypes

    @property
    def flat(self) -> Any:
        """A flat iterator, over a view."""
        return self.view(np.ndarray).flat

    @flat.setter
    def flat(self, value: Any) -> None:
        plain: Any = self.view(np.ndarray)
        plain.flat = value

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()


class Loan:
    """A slot's memory as an array, for the time of a block."""

    __slots__ = ("array",)

    def __init__(self, slot: _native.Slot, dtype: np.dtype[Any]) -> None:
        memory = np.asarray(slot.show())
        # NumPy knows elements of other packages as raw bytes until it is told.
        typed = memory if memory.dtype == dtype else memory.view(dtype)
        self.array = typed.view(LentArray)
        self.array._memory = memory

    def end(self) -> bool:
        """Make the array read-only, and tell whether nobody else can write the memory any more."""
        # First, so that views which are made from now on cannot be written through. What lies below the array
        # too: what it allows, a view of it may be told to allow again.
        below: Any = self.array.base
        self.array._memory.flags.writeable = below.flags.writeable = self.array.flags.writeable = False
        del below
        is_typed = self.array.base is not self.array._memory
        # By attributes, whose references count the same in every version of Python. The memory is referred to
        # by an attribute and as a base.
        views = sys.getrefcount(self.array._memory) - _BY_ATTRIBUTE - 1
        if is_typed:
            views += sys.getrefcount(self.array.base) - _BY_ATTRIBUTE
        names = sys.getrefcount(self.array) - _BY_ATTRIBUTE
        return views == 0 and names <= 1
