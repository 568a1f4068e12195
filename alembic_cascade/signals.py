"""Kills and interrupts, and what has to be tidied up before they end the process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a kill raise, as Ctrl-C does: else what a block has begun would be left behind."""

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    # Only the main thread is told of signals.
    before = None
    with suppress(ValueError):
        before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def not_ended_by_signals() -> Iterator[None]:
    """Let neither a kill nor Ctrl-C end the block: it tidies up after one of them."""
    before = {}
    with suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
