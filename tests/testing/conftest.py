"""What tests of the pytest plugin share: a project in an empty directory."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine
from trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

# What stands beside other people's plugins is tested where these are: tox -e pytest8.
collect_ignore = [] if find_spec("pytest_alembic") and find_spec("pytest_asyncio") else ["test_beside_other_plugins.py"]


@pytest.fixture
def trial(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Iterator[Trial]:
    """An empty project; no scratch database outlives what is run on it."""
    project = Trial(pytester, monkeypatch, engine)
    yield project
    assert project.databases() == []
