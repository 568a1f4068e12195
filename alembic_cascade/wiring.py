"""How the settings of a project reach Alembic: the one line in env.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic.operations import ops

from alembic_cascade.config import CascadeConfig
from alembic_cascade.errors import ConfigError
from alembic_cascade.patterns import listed
from alembic_cascade.rewriter import rewrite

if TYPE_CHECKING:
    from alembic.autogenerate.rewriter import ProcessRevisionDirectiveFn, Rewriter
    from alembic.runtime.migration import MigrationContext

PLUGIN = "alembic_cascade"
BUILT_IN_PLUGINS = "alembic.autogenerate.*"


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
    theirs = listed("autogenerate_plugins", autogenerate_plugins, "names")
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
        "process_revision_directives": DirectivesHook(process_revision_directives),
        "cascade": settings,
        # An autocommit_block commits what other revisions of the run did before.
        **({"transaction_per_migration": True} if settings.concurrently else {}),
    }


@dataclass(frozen=True)
class DirectivesHook:
    """What Alembic calls with a revision's directives: the project's own hook, then ours."""

    theirs: ProcessRevisionDirectiveFn | Rewriter | None = None

    def __call__(self, context: MigrationContext, revision: Any, directives: list[ops.MigrationScript]) -> None:
        if self.theirs is not None:
            self.theirs(context, revision, directives)
        elif _leaves_out_empty_revisions(context) and not any(map(_has_operations, directives)):
            directives.clear()
        rewrite(context, revision, directives)


def _has_operations(script: ops.MigrationScript) -> bool:
    return not all(upgrade_ops.is_empty() for upgrade_ops in script.upgrade_ops_list)


def _leaves_out_empty_revisions(context: MigrationContext) -> bool:
    """Whether Flask-Migrate runs.

    It has a hook of its own against empty revisions, but only where nobody else gave one.
    """
    config = context.config
    if config is None or type(config).__module__.partition(".")[0] != "flask_migrate":
        return False
    return bool(getattr(config.cmd_opts, "autogenerate", False))
