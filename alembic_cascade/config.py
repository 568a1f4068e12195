"""The settings of a project, and how they reach Alembic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from alembic_cascade.errors import ConfigError

if TYPE_CHECKING:
    from alembic.autogenerate.rewriter import ProcessRevisionDirectiveFn, Rewriter

PLUGIN = "alembic_cascade"
BUILT_IN_PLUGINS = "alembic.autogenerate.*"


@dataclass(frozen=True, kw_only=True)
class CascadeConfig:
    """What alembic_cascade does in a project; every setting that is not the default is written into revisions.

    :param optional_tables: patterns ``[schema.]table`` of tables that some deployments lack. They are never
     proposed for creation, and operations on their keys are written with ``if_exists=True``. Patterns are
     globs; one without a schema means the table in any schema.

    Errors: :exc:`.ConfigError` that names the field.
    """

    optional_tables: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "optional_tables", _table_patterns("optional_tables", self.optional_tables))

    def is_optional(self, schema: str | None, table: str) -> bool:
        """Whether a deployment may lack the table; ``schema`` is never None where the database has schemas."""
        return any(matches_table(pattern, schema, table) for pattern in self.optional_tables)


def _listed(field: str, values: object, of: str) -> tuple[Any, ...]:
    """``values`` as a tuple; text and dictionaries can be walked through, too, but are no lists."""
    if isinstance(values, str | bytes | bytearray | Mapping) or not isinstance(values, Iterable):
        raise ConfigError(field, f"must be a list of {of}, not {values!r}")
    return tuple(values)


def _table_patterns(field: str, patterns: object) -> tuple[str, ...]:
    listed = _listed(field, patterns, "table patterns")
    for pattern in listed:
        if not isinstance(pattern, str) or not all(pattern.split(".")) or pattern.count(".") > 1:
            raise ConfigError(field, f"{pattern!r} is no table pattern; write [schema.]table, such as 'legacy_*'")
    return listed


def matches_table(pattern: str, schema: str | None, table: str) -> bool:
    """Whether a pattern ``[schema.]table`` means the table."""
    wanted_schema, _, wanted_table = pattern.rpartition(".")
    return fnmatchcase(table, wanted_table) and (not wanted_schema or fnmatchcase(schema or "", wanted_schema))


def configure_options(
    config: CascadeConfig | None = None,
    *,
    autogenerate_plugins: Sequence[str] = (),
    process_revision_directives: ProcessRevisionDirectiveFn | Rewriter | None = None,
) -> dict[str, Any]:
    """The keywords for ``context.configure`` in env.py.

    :param config: the project's settings; None is ``CascadeConfig()``.
    :param autogenerate_plugins: further plugins, beside Alembic's built-in ones and this one.
    :param process_revision_directives: a Rewriter or function of the project's own. It runs first, and may
     empty the directives.

    Errors: :exc:`.ConfigError` for an argument of another type.
    """
    settings = CascadeConfig() if config is None else config
    if not isinstance(settings, CascadeConfig):
        raise ConfigError("config", f"must be a CascadeConfig, not {settings!r}")
    theirs = _listed("autogenerate_plugins", autogenerate_plugins, "names")
    for name in theirs:
        if not isinstance(name, str) or not name:
            raise ConfigError("autogenerate_plugins", f"{name!r} is no name of a plugin")
    if process_revision_directives is not None and not callable(process_revision_directives):
        raise ConfigError(
            "process_revision_directives", f"must be a Rewriter or a function, not {process_revision_directives!r}"
        )
    plugins = dict.fromkeys([BUILT_IN_PLUGINS, PLUGIN, *theirs])
    return {
        "autogenerate_plugins": list(plugins),
        "process_revision_directives": process_revision_directives,
        "cascade": settings,
    }


def config_of(opts: dict[str, Any]) -> CascadeConfig:
    """The settings that an env.py gave, the defaults where it gave none.

    Errors: :exc:`.ConfigError` where ``cascade`` is not a :class:`CascadeConfig`.
    """
    settings = opts.get("cascade")
    if settings is None:
        return CascadeConfig()
    if not isinstance(settings, CascadeConfig):
        raise ConfigError("cascade", f"must be a CascadeConfig, not {settings!r}")
    return settings
