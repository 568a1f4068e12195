"""Tests of every foreign key, relationship and revision for pytest, and what people's own tests are made of."""

from __future__ import annotations

from alembic_cascade.testing.asserting import AssertCascades
from alembic_cascade.testing.database import CascadeDatabase
from alembic_cascade.testing.making import MakeRow

__all__ = ["AssertCascades", "CascadeDatabase", "MakeRow"]
