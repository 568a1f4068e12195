"""What pytest was asked for: where the project's configuration is, and which server serves the tests."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from alembic_cascade.environment import Settings


@dataclass(frozen=True)
class Asked:
    """``file`` is Alembic's configuration; relative names in it are those of ``directory``, where Alembic is run.

    ``irreversible`` are the revisions whose downgrade need not give back all rows.
    """

    file: Path
    directory: Path
    settings: Settings
    url: URL | None
    irreversible: frozenset[str]


def asked(config: pytest.Config) -> Asked:
    """What the command line and pytest's configuration say.

    Errors: :exc:`pytest.UsageError` where there is no configuration of Alembic, or the URL is none.
    """
    file = _named_file(config)
    found = _usual_file(config.rootpath, config.invocation_params.dir) if file is None else file
    if not found.is_file():
        raise pytest.UsageError(
            f"--alembic-cascade: there is no {found}. Name Alembic's configuration by --alembic-cascade-config, or by "
            "alembic_cascade_config in pytest's."
        )
    settings = Settings(
        # Alembic itself knows what it takes where nothing is named, from pyproject.toml as well.
        () if file is None else (str(found),),
        config.getoption("alembic_cascade_name"),
        tuple(config.getoption("alembic_cascade_x")),
    )
    irreversible = frozenset(config.getini("alembic_cascade_irreversible"))
    return Asked(found, found.parent, settings, _url(config), irreversible)


def _named_file(config: pytest.Config) -> Path | None:
    given = config.getoption("alembic_cascade_config")
    if given:
        return absolute(config.invocation_params.dir / given)
    said = config.getini("alembic_cascade_config")
    if said:
        base = config.rootpath if config.inipath is None else config.inipath.parent
        return absolute(base / said)
    return None


def absolute(path: Path) -> Path:
    """A path as pytest names files."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links, and pytest does not


def _usual_file(*directories: Path) -> Path:
    """What Alembic takes in the first of these directories that has it.

    https://alembic.sqlalchemy.org/en/latest/tutorial.html#using-pyproject-toml-for-configuration
    """
    for directory in directories:
        usual, pyproject = directory / "alembic.ini", directory / "pyproject.toml"
        if usual.exists():
            return usual
        if pyproject.exists() and "alembic" in tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}):
            return pyproject
    return directories[0] / "alembic.ini"


def _url(config: pytest.Config) -> URL | None:
    text = config.getoption("alembic_cascade_url") or config.getini("alembic_cascade_url")
    if not text:
        return None
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "postgresql":
        raise pytest.UsageError(
            "--alembic-cascade-url: it is no URL of a PostgreSQL database, such as postgresql://localhost/postgres."
        )
    return url
