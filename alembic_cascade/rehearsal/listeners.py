"""Listening to SQLAlchemy for as long as a rehearsal takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

# What is listened to, the event's name, and who hears of it.
Listener = tuple[Any, str, Callable[..., Any]]


@contextmanager
def listening(*listeners: Listener) -> Iterator[None]:
    """Let these listen meanwhile."""
    for listener in listeners:
        event.listen(*listener)
    try:
        yield
    finally:
        for listener in reversed(listeners):
            event.remove(*listener)
