"""A bar for work that takes longer than a second, shown by a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

SHOWN_AFTER_SECONDS = 1.0

Step = Callable[[str], None]


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Step]:
    """Give a function that is called with the name of each step as it begins.

    The bar stands on standard error, and goes away with the work; ``total`` is the number of steps where it is known.
    Nothing is shown where standard error is no terminal, nor of work that is done within a second.
    """
    if not sys.stderr.isatty():
        yield lambda _name: None
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[step]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(title, total=total, step="")
    begun = 0

    def step(name: str) -> None:
        nonlocal begun
        bar.update(task, completed=begun, step=name)
        begun += 1

    # A timer, for a single step may be what takes long.
    shown = Timer(SHOWN_AFTER_SECONDS, bar.start)
    shown.daemon = True
    shown.start()
    try:
        yield step
    finally:
        shown.cancel()
        shown.join()
        bar.stop()
