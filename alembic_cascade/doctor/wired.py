"""Whether env.py gives Alembic what the plugin needs: what context.configure was called with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from typing import Any

from alembic_cascade.config import config_of
from alembic_cascade.doctor.outcome import Outcome, Problem, named, outcomes
from alembic_cascade.wiring import BUILT_IN_PLUGINS, PLUGIN, DirectivesHook

CHECK = "plugin"

# https://alembic.sqlalchemy.org/en/latest/api/plugins.html
BUILT_IN = tuple(
    f"alembic.autogenerate.{name}" for name in ("schemas", "tables", "types", "constraints", "defaults", "comments")
)

WIRE = (
    "In env.py: from alembic_cascade import CascadeConfig, configure_options; then "
    "context.configure(..., **configure_options(CascadeConfig()))."
)


def wired(options: Mapping[str, Any]) -> list[Outcome]:
    """What ``context.configure`` was given, an option that is absent being Alembic's default.

    Errors: :exc:`.ConfigError` where ``cascade`` is no :class:`.CascadeConfig`.
    """
    return outcomes(CHECK, _problems(options), "env.py passes configure_options() to context.configure()")


def _problems(options: Mapping[str, Any]) -> Iterator[Problem]:
    if not entry_points(group="alembic.plugins", name=PLUGIN):
        yield Problem(
            "the package can be imported, but is not installed: Alembic does not load it",
            "Install it where Alembic is: pip install alembic-cascade.",
        )
    plugins = list(options.get("autogenerate_plugins") or [BUILT_IN_PLUGINS])
    if not _is_in(plugins, PLUGIN):
        yield Problem("env.py gives context.configure() no configure_options(): autogenerate is plain Alembic's", WIRE)
        return
    left_out = [name for name in BUILT_IN if not _is_in(plugins, name) and not _is_in(_unwanted(plugins), name)]
    if left_out:
        yield Problem(
            f"autogenerate_plugins leaves out what Alembic brings: {named(left_out)}",
            f"Let configure_options() write the list, or add {BUILT_IN_PLUGINS!r} to it; what is not wanted stands in "
            'it with a "~" before its name.',
        )
    if not isinstance(options.get("process_revision_directives"), DirectivesHook):
        yield Problem(
            "process_revision_directives is not that of configure_options(): no orphans are settled in what is written",
            "Give a hook of the project's own to configure_options(process_revision_directives=...), which calls both.",
        )
    if config_of(dict(options)).concurrently and not options.get("transaction_per_migration"):
        yield Problem(
            "concurrently is on, and transaction_per_migration off: a revision would commit what others did before it",
            "Pass transaction_per_migration=True to context.configure(), or leave it to configure_options().",
        )


def _is_in(plugins: Sequence[str], name: str) -> bool:
    """As Alembic reads the list: a star stands for any letters, a tilde takes away."""
    wanted = (pattern for pattern in plugins if not pattern.startswith("~"))
    return any(fnmatchcase(name, pattern) for pattern in wanted) and not _is_in(_unwanted(plugins), name)


def _unwanted(plugins: Sequence[str]) -> list[str]:
    return [pattern.removeprefix("~") for pattern in plugins if pattern.startswith("~")]
