"""``alembic-cascade compare``: the models against a SQL file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text
from sqlalchemy import NullPool, create_engine

from alembic_cascade.cli.options import environment_options, format_option
from alembic_cascade.cli.output import console, count_of, print_json, quiet
from alembic_cascade.cli.progress import progress
from alembic_cascade.differences import Difference, differences
from alembic_cascade.embedded import embedded_server
from alembic_cascade.environment import Settings, Site, visit
from alembic_cascade.errors import CascadeError, UnsupportedDialect
from alembic_cascade.escaping import printable
from alembic_cascade.sql_file import load_sql_file

DIFFERENT = 1


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@format_option
@environment_options
@click.pass_context
def compare(context: click.Context, file: Path, format_: str) -> None:
    """Compare the models with the SQL file FILE.

    FILE is loaded into a PostgreSQL server that is started for it and is gone afterwards (the extra [embedded]): what
    pg_dump wrote, or what somebody wrote by hand. It is run by psql, as any script is, so take one that you trust.
    Then tables, columns, indexes, constraints, foreign keys and lifecycle columns are compared, as autogenerate would.
    No database of the project is connected to.

    \b
    Examples:
      pg_dump --schema-only shop > schema.sql
      alembic-cascade compare schema.sql

    Exit status: 0 no difference; 1 differences, a line for each; 2 could not run.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    sites = visit(context.ensure_object(Settings), _models, offline=True)
    metadatas, options = sites[0]
    if any(other != metadatas for other, _ in sites[1:]):
        raise CascadeError("env.py has models for several databases. Let -n or -x choose the one of the file.")
    with progress(f"Comparing the models with {file.name}", 3) as step:
        step("starting PostgreSQL")
        with embedded_server() as server:
            step("loading the file")
            database = load_sql_file(server, file)
            step("comparing")
            engine = create_engine(server.url(database), poolclass=NullPool)
            # Autogenerate tells in the log of each difference, which is printed.
            with quiet(), engine.connect() as connection:
                found = differences(connection, metadatas, options)
    if format_ == "json":
        print_json({"file": str(file), "differences": [_document(each) for each in found]})
    else:
        _print(found)
    if found:
        context.exit(DIFFERENT)


def _models(site: Site) -> tuple[tuple[Any, ...], dict[str, Any]]:
    dialect = site.context.dialect.name
    if dialect != "postgresql":
        raise UnsupportedDialect(dialect, "A comparison with a SQL file", "The file is run by PostgreSQL.")
    return site.metadatas, dict(site.context.opts)


def _print(found: tuple[Difference, ...]) -> None:
    shown_on = console()
    for each in found:
        told = Text.assemble((printable(each.subject), "bold"), f": {printable(each.problem)}")
        shown_on.print(told, soft_wrap=True)
    if found:
        shown_on.print(Text(count_of(len(found), "difference"), style="bold"))
    else:
        shown_on.print(Text("No difference.", style="bold green"))


def _document(each: Difference) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "schema": None if each.table is None else each.table.schema,
        "table": None if each.table is None else each.table.name,
        "subject": each.subject,
        "problem": each.problem,
    }
