"""A second session beside the one that migrates: it looks, and keeps what it saw in temporary tables."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection

from alembic_cascade.rehearsal.addresses import Address

Result = TypeVar("Result")

SECONDS_TO_END = 5


class Witness:
    """The session lives as long as the ``with`` block, in a thread of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._asked: SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._live, daemon=True)
        self._connected: Future[None] = Future()

    def __enter__(self) -> Self:
        """Connect.

        Errors: those of the driver.
        """
        self._thread.start()
        self._connected.result()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._asked.put(None)
        # Interrupted, it may be in the middle of a long query, which ends with the database.
        self._thread.join(SECONDS_TO_END)

    def begin(self, work: Callable[[Connection], Result]) -> Future[Result]:
        """Let it do work meanwhile."""
        future: Future[Result] = Future()
        self._asked.put((work, future))
        return future

    def ask(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns."""
        return self.begin(work).result()

    def _live(self) -> None:
        try:
            self._address.run(self._answer)
        except BaseException as error:  # noqa: BLE001 - the other thread raises it
            if not self._connected.done():
                self._connected.set_exception(error)

    def _answer(self, connection: Connection) -> None:
        self._connected.set_result(None)
        while (asked := self._asked.get()) is not None:
            work, future = asked
            try:
                future.set_result(work(connection))
            except BaseException as error:  # noqa: BLE001 - whoever waits for the result raises it
                future.set_exception(error)
