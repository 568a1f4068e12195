"""Kills and interrupts, and what has to be tidied up before they end the process."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

# What ends a process and can be heard; the second is that its terminal is gone, which not all systems have.
KILLS = (signal.SIGTERM, *filter(None, (getattr(signal, "SIGHUP", None),)))


class Killed(SystemExit):
    """The process ends, for it was told to: no exit of the code that it happened to be in."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a kill raise, as Ctrl-C does: else what a block has begun would be left behind."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise Killed(128 + number)

    with _handled(end):
        yield


@contextmanager
def interrupted_by_kills() -> Iterator[None]:
    """Let a kill do what Ctrl-C does, which ends a run of pytest: an exit in a test would be that test's failure."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(interrupt):
        yield


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    # Only the main thread is told of signals.
    before = {}
    with suppress(ValueError):
        for number in KILLS:
            # Who is started by nohup is not to be ended with the terminal.
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, as_before in before.items():
            signal.signal(number, as_before)


@contextmanager
def not_ended_by_signals() -> Iterator[None]:
    """Let neither a kill nor Ctrl-C end the block: it tidies up after one of them."""
    before = {}
    with suppress(ValueError):
        for number in (signal.SIGINT, *KILLS):
            before[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
