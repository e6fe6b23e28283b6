"""Which finished batches form an unbroken run: several workers finish out of order, the mark may not."""

from __future__ import annotations


class Watermark:
    """Numbers are handed out by `start` in order; `done` answers the newest mark that is safe, or None when it did not move."""

    def __init__(self) -> None:
        self._open: dict[int, str] = {}
        self._finished: set[int] = set()
        self._next = 0
        self._issued = 0

    def start(self, mark: str) -> int:
        """Register a batch that, once it and all before it are finished, allows *mark*."""
        number = self._issued
        self._open[number] = mark
        self._issued += 1
        return number

    def done(self, number: int) -> str | None:
        """Finish a batch; answer the mark of the last batch of the unbroken run if the run grew."""
        if number not in self._open or number in self._finished:
            raise ValueError(f"batch {number} was not open")
        self._finished.add(number)
        mark: str | None = None
        while self._next in self._finished:
            self._finished.discard(self._next)
            mark = self._open.pop(self._next)
            self._next += 1
        return mark
