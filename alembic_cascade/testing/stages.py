"""Databases as they are just before a revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from sqlalchemy import URL

from alembic_cascade.testing.laboratory import Laboratory


class Stages:
    """One database goes along with the tests, from revision to revision; what is tried is done to copies of it."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._parents = dict(laboratory.known.parents)
        self._stage: URL | None = None
        self._applied: frozenset[str] = frozenset()
        self._kept = ExitStack()

    def close(self) -> None:
        """Drop the database."""
        self._kept.close()

    @contextmanager
    def before(self, revision: str) -> Iterator[URL]:
        """A copy with all that the revision builds upon, and nothing else.

        Errors: :exc:`.CascadeError`, what an earlier revision raises.
        """
        with self._laboratory.server.database(template=self._at(revision)) as copy:
            yield copy

    def _at(self, revision: str) -> URL:
        wanted = frozenset(_ancestors(revision, self._parents))
        if self._stage is None or not self._applied <= wanted:
            self._kept.close()
            self._stage, self._applied = None, frozenset()
            self._stage = self._kept.enter_context(self._laboratory.server.database())
        if self._applied != wanted:
            try:
                self._laboratory.migrate(self._stage, *self._parents[revision])
            except BaseException:
                # Nobody knows how far it came.
                self._stage = None
                raise
            self._applied = wanted
        return self._stage


def _ancestors(revision: str, parents: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    pending = list(parents[revision])
    while pending:
        one = pending.pop()
        if one not in found:
            found.add(one)
            pending.extend(parents[one])
    return found
