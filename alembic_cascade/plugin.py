"""The entry point of the group ``alembic.plugins``: registers comparators, operations and renderers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic_cascade import comparators, implementations, ops, renderers
from alembic_cascade.concurrently import indexes, plain_operations, turn
from alembic_cascade.lifecycle import implementations as lifecycle_implementations
from alembic_cascade.lifecycle import renderers as lifecycle_renderers
from alembic_cascade.orphans import implementations as orphan_implementations
from alembic_cascade.orphans import renderers as orphan_renderers

if TYPE_CHECKING:
    from alembic.runtime.plugins import Plugin

# Importing these registers the operations, what they run and how they are written.
__all__ = [
    "implementations",
    "indexes",
    "lifecycle_implementations",
    "lifecycle_renderers",
    "ops",
    "orphan_implementations",
    "orphan_renderers",
    "plain_operations",
    "renderers",
    "setup",
    "turn",
]


def setup(plugin: Plugin) -> None:
    """Called by Alembic once, while it is imported."""
    comparators.setup(plugin)
