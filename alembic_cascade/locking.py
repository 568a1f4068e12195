"""How an operation takes its locks: whether others go on meanwhile, how long it waits, at what pace it goes."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from types import EllipsisType
from typing import Any

from alembic_cascade.config import BATCH_SIZE, LARGEST_INTEGER, LOCK_TIMEOUT, check_lock_timeout, milliseconds
from alembic_cascade.errors import ConfigError

# What pg_temp.cascade_limit_waiting takes for "half a second, or half of deadlock_timeout".
SHORT = -1


@dataclass(frozen=True)
class Locking:
    """``concurrently`` is many short transactions; ``lock_timeout`` ... is that form's default."""

    concurrently: bool = False
    lock_timeout: str | EllipsisType | None = ...

    @classmethod
    def asked(cls, concurrently: object, lock_timeout: object) -> Locking:
        """What an operation's arguments say.

        Errors: :exc:`.ConfigError` that names the argument.
        """
        if not isinstance(concurrently, bool):
            raise ConfigError("concurrently", f"must be True or False, not {concurrently!r}")
        if lock_timeout is ...:
            return cls(concurrently)
        check_lock_timeout("lock_timeout", lock_timeout)
        assert lock_timeout is None or isinstance(lock_timeout, str)
        return cls(concurrently, lock_timeout)

    @classmethod
    def configured(cls, lock_timeout: str | None, *, concurrently: bool = False) -> Locking:
        """What the settings say, with the default left to the operation."""
        return cls(concurrently, ... if lock_timeout == LOCK_TIMEOUT else lock_timeout)

    @property
    def waiting(self) -> int | None:
        """How many milliseconds to wait for a lock; None is as long as the session says."""
        if self.lock_timeout is None:
            return None
        if isinstance(self.lock_timeout, str):
            return milliseconds(self.lock_timeout)
        return SHORT if self.concurrently else milliseconds(LOCK_TIMEOUT)

    @property
    def keywords(self) -> dict[str, Any]:
        """The arguments that say it, without defaults."""
        said: dict[str, Any] = {"concurrently": True} if self.concurrently else {}
        if self.lock_timeout is not ...:
            said["lock_timeout"] = self.lock_timeout
        return said


ORDINARY = Locking()


@dataclass(frozen=True)
class Pace:
    """How many rows one transaction takes, and how many seconds pass before the next."""

    batch_size: int = BATCH_SIZE
    batch_pause: float = 0

    @classmethod
    def asked(cls, batch_size: object, batch_pause: object) -> Pace:
        """What an operation's arguments say.

        Errors: :exc:`.ConfigError` that names the argument.
        """
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or not 0 < batch_size < LARGEST_INTEGER:
            raise ConfigError("batch_size", f"must be a number of rows, 1 or more, not {batch_size!r}")
        if not isinstance(batch_pause, int | float) or isinstance(batch_pause, bool) or not 0 <= batch_pause < inf:
            raise ConfigError("batch_pause", f"must be a number of seconds, 0 or more, not {batch_pause!r}")
        return cls(batch_size, batch_pause)

    @property
    def keywords(self) -> dict[str, Any]:
        """The arguments that say it, without defaults."""
        said: dict[str, Any] = {}
        if self.batch_size != USUAL.batch_size:
            said["batch_size"] = self.batch_size
        if self.batch_pause != USUAL.batch_pause:
            said["batch_pause"] = self.batch_pause
        return said


USUAL = Pace()
