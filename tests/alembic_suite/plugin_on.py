"""Switches our plugin on in every comparison of Alembic's suite, which names no plugins itself."""

from __future__ import annotations

from typing import Any

from alembic.runtime.plugins import Plugin
from sqlalchemy.dialects.postgresql import provision

_populate = Plugin.populate_autogenerate_priority_dispatch.__func__  # type: ignore[attr-defined]


def _populate_with_ours(cls: type[Plugin], comparators: Any, include_plugins: list[str]) -> None:
    _populate(cls, comparators, [*include_plugins, "alembic_cascade"])


Plugin.populate_autogenerate_priority_dispatch = classmethod(_populate_with_ours)  # type: ignore[assignment, arg-type]

# The embedded server has no extensions to create, and the suite needs none of them.
getattr(provision, "_extensions", []).clear()
