"""Tests as pytest knows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from alembic_cascade.escaping import printable
from alembic_cascade.testing.checks import Check, no_drift, no_orphans, promise, relationships_consistent, restores
from alembic_cascade.testing.laboratory import laboratory
from alembic_cascade.testing.stages import Stages
from alembic_cascade.testing.words import of_error

# By which a note goes along with a report, from a worker of xdist as well.
NOTE = "alembic_cascade_note"


class _Found(Exception):  # noqa: N818 - what a test was made to find
    """What a test found, in words."""


class CascadeItem(pytest.Item):
    """One test; when it fails it says what was found, and not where in this package."""

    def __init__(self, *, check: Check, **more: Any) -> None:
        super().__init__(**more)
        self._check = check

    def runtest(self) -> None:
        outcome = self._check(laboratory(self.config))
        self.user_properties += [(NOTE, note) for note in outcome.notes]
        if outcome.skipped is not None:
            pytest.skip(outcome.skipped)
        if outcome.problems and outcome.expected is not None:
            pytest.xfail(outcome.expected)
        if outcome.problems:
            raise _Found("\n\n".join(outcome.problems))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *more: Any, **options: Any) -> Any:
        """What was found, or what an error says that is meant to be read."""
        found = excinfo.value
        said = str(found) if isinstance(found, _Found) else of_error(found)
        return super().repr_failure(excinfo, *more, **options) if said is None else said

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, self.name


class CascadeFile(pytest.File):
    """Alembic's configuration, and the tests of the project that it is of."""

    _stages: Stages | None = None

    def collect(self) -> Iterable[pytest.Item]:
        """A test for each key, each relationship and each revision, and three for the whole.

        Errors: :exc:`pytest.Collector.CollectError` with what keeps env.py from being run.
        """
        try:
            known = laboratory(self.config).known
        except Exception as error:
            said = of_error(error)
            if said is None:
                raise
            raise self.CollectError(said) from error
        checks: list[tuple[str, Check]] = [
            *((f"test_cascade[{claim.id}]", promise(claim)) for claim in known.claims),
            ("test_no_drift", no_drift),
            ("test_no_orphans", no_orphans),
            ("test_relationships_consistent", relationships_consistent),
            *(
                (f"test_upgrade_downgrade_restores_data[{revision}]", restores(revision, self.stages))
                for revision in known.parents
            ),
        ]
        # A name may hold what a terminal would obey.
        return [CascadeItem.from_parent(self, name=printable(name), check=check) for name, check in checks]

    def stages(self) -> Stages:
        """The database that goes along with the tests of revisions."""
        if self._stages is None:
            self._stages = Stages(laboratory(self.config))
            self.config.add_cleanup(self._stages.close)
        return self._stages
