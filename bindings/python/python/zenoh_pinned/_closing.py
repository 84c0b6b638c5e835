"""What a ``with`` statement closes at its end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class Closing(ABC):
    """Something that is open until `close` is called, or the ``with`` statement around it ends."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Close it. A second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
