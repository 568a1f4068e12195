"""Time in which nothing is looked at: what a rehearsal asks between two lines would not take place elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic


class Clock:
    """Seconds, of which those under :meth:`stopped` don't count."""

    def __init__(self) -> None:
        self._left_out = 0.0
        self._stopped_at: float | None = None

    def now(self) -> float:
        moment = monotonic() if self._stopped_at is None else self._stopped_at
        return moment - self._left_out

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it stand still."""
        if self._stopped_at is not None:
            yield
            return
        self._stopped_at = monotonic()
        try:
            yield
        finally:
            self._left_out += monotonic() - self._stopped_at
            self._stopped_at = None
