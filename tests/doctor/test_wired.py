"""``plugin``: what context.configure was given."""

from __future__ import annotations

from typing import Any

import pytest

from alembic_cascade import CascadeConfig, configure_options
from alembic_cascade.doctor import wired as module
from alembic_cascade.doctor.wired import WIRE, wired

OPTIONS = configure_options()


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        configure_options(CascadeConfig(concurrently=True)),
        {**OPTIONS, "autogenerate_plugins": ["*"]},
        {**OPTIONS, "autogenerate_plugins": [*OPTIONS["autogenerate_plugins"], "~alembic.autogenerate.comments"]},
    ],
)
def test_env_py_names_the_plugin(options: dict[str, Any]) -> None:
    """What is left out on purpose is said so in the list."""
    assert [one.verdict.value for one in wired(options)] == ["ok"]


def said(options: dict[str, Any]) -> list[str]:
    found = wired(options)
    assert {one.verdict.value for one in found} == {"to do"}
    return [one.said for one in found]


@pytest.mark.parametrize(
    "options", [{}, {"autogenerate_plugins": None}, {"autogenerate_plugins": ["*", "~alembic_cascade"]}]
)
def test_plain_alembic(options: dict[str, Any]) -> None:
    """The line to be written is said."""
    (found,) = wired(options)
    assert found.said == "env.py gives context.configure() no configure_options(): autogenerate is plain Alembic's"
    assert found.advice == WIRE


def test_built_ins_left_out() -> None:
    """Autogenerate would find nothing, and say so."""
    assert said({**OPTIONS, "autogenerate_plugins": ["alembic_cascade"]}) == [
        "autogenerate_plugins leaves out what Alembic brings: alembic.autogenerate.schemas, alembic.autogenerate.tables, "
        "alembic.autogenerate.types, alembic.autogenerate.constraints, alembic.autogenerate.defaults and 1 more"
    ]


def test_another_hook() -> None:
    """It took the place of ours."""
    assert said({**OPTIONS, "process_revision_directives": print}) == [
        "process_revision_directives is not that of configure_options(): no orphans are settled in what is written"
    ]


def test_a_transaction_for_all() -> None:
    """Concurrent revisions commit."""
    options = {**configure_options(CascadeConfig(concurrently=["posts"])), "transaction_per_migration": False}
    assert said(options) == [
        "concurrently is on, and transaction_per_migration off: a revision would commit what others did before it"
    ]


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alembic finds plugins by their entry points alone."""
    assert module.entry_points(group="alembic.plugins", name="alembic_cascade")
    monkeypatch.setattr(module, "entry_points", lambda **_: ())
    assert said(OPTIONS) == ["the package can be imported, but is not installed: Alembic does not load it"]
