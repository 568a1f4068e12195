"""Alembic migrations for ON DELETE rules: found exactly, written readably, reversed truly."""

# Alembic first: it loads this package's entry point while it is imported itself, and must have come far
# enough by then. Whoever imports the package before Alembic would otherwise meet a circular import.
from __future__ import annotations

import alembic  # noqa: F401  # isort: skip

from alembic_cascade.audit.policy import OnDeleteRule, Waiver
from alembic_cascade.config import CascadeConfig
from alembic_cascade.errors import (
    AutocommitRequired,
    CascadeError,
    ConfigError,
    ForeignKeyNotFound,
    ForeignKeyRefused,
    LifecycleRefused,
    LockNotAcquired,
    MigratedMeanwhile,
    OrphansNotRestored,
    OrphansNotSettled,
    OrphansRemain,
    ReferencesNotTranslatable,
    RehearsalRefused,
    SessionLost,
    StatementCanceled,
    TableNotFound,
    TooManyOrphans,
    UnsupportedDialect,
)
from alembic_cascade.lifecycle.policy import LifecycleColumn
from alembic_cascade.wiring import configure_options

__all__ = [
    "AutocommitRequired",
    "CascadeConfig",
    "CascadeError",
    "ConfigError",
    "ForeignKeyNotFound",
    "ForeignKeyRefused",
    "LifecycleColumn",
    "LifecycleRefused",
    "LockNotAcquired",
    "MigratedMeanwhile",
    "OnDeleteRule",
    "OrphansNotRestored",
    "OrphansNotSettled",
    "OrphansRemain",
    "ReferencesNotTranslatable",
    "RehearsalRefused",
    "SessionLost",
    "StatementCanceled",
    "TableNotFound",
    "TooManyOrphans",
    "UnsupportedDialect",
    "Waiver",
    "configure_options",
]
