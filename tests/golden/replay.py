"""A golden case: the database before, the models, and everything that is in a database as text."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from project import Project, catalogue
from psql import run_script
from sqlalchemy import MetaData


def prepared(project: Project, case: Path) -> Project:
    """The project on the database as it is before the revision."""
    run_script(project.url, (case / "before.sql").read_text())
    return project


def models_of(case: Path) -> MetaData:
    """What the tables are to become."""
    metadata: MetaData = runpy.run_path(str(case / "models.py"))["metadata"]
    return metadata


def options_of(case: Path) -> dict[str, Any]:
    """What env.py gives to ``context.configure``."""
    options: dict[str, Any] = runpy.run_path(str(case / "models.py")).get("options", {})
    return options


def state(project: Project) -> str:
    """Every constraint, column, index and trigger, and every row, times of the quarantine left aside."""
    with project.engine.connect() as connection:
        lines = [" | ".join(str(part) for part in entry) for entry in catalogue(connection)]
        # A constraint NOT NULL has a row of its own in PostgreSQL 18.
        tables = connection.exec_driver_sql(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') "
            "AND tablename <> 'alembic_version' ORDER BY 1, 2"
        ).all()
        for schema, table in tables:
            query = f'SELECT (to_jsonb(t) - \'cascade_at\')::text FROM ONLY "{schema}"."{table}" AS t ORDER BY 1'
            found = connection.exec_driver_sql(query.replace("%", "%%"))
            lines.extend(f"row | {schema} | {table} | {row[0]}" for row in found)
    return "".join(f"{line}\n" for line in lines)
