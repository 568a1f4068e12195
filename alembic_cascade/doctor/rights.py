"""Whether the role that runs migrations may do what they do."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.outcome import Outcome, Problem, named, outcomes
from alembic_cascade.sql.preflight_queries import RIGHTS
from alembic_cascade.sql.quoting import quote_identifier, quote_table

CHECK = "rights"


def rights(examined: Examined) -> list[Outcome]:
    """Ownership of the models' tables, rights on them, on their schemas, and TEMPORARY on the database."""
    well = f"{examined.role} owns the models' tables, and may do with them what migrations do"
    return outcomes(CHECK, _problems(examined), well)


def _problems(examined: Examined) -> Iterator[Problem]:
    role = quote_identifier(examined.role)
    if not examined.session.temporary:
        database = quote_identifier(examined.session.database)
        yield Problem(
            "the role may not make what lives as long as its session, such as the functions that operations call",
            f"GRANT TEMPORARY ON DATABASE {database} TO {role};",
        )
    yield from _ownership(examined, role)
    closed = sorted({row.nspname for row in examined.tables if not row.may_create})
    for schema in closed:
        yield Problem(
            f"the role may not make indexes and functions in the schema {schema}",
            f"GRANT CREATE ON SCHEMA {quote_identifier(schema)} TO {role};",
        )
    triggers = any(column.has_trigger for column in examined.config.lifecycle)
    for right in RIGHTS:
        lacking = [
            quote_table(row.nspname, row.relname)
            for row in examined.tables
            if row.owned and not getattr(row, right) and (right != "TRIGGER" or triggers)
        ]
        if lacking:
            yield Problem(
                f"the right {right} is missing on {named(lacking)}, though the role owns what it is missing on",
                f"GRANT {right} ON {', '.join(lacking)} TO {role};",
            )


def _ownership(examined: Examined, role: str) -> Iterator[Problem]:
    """https://www.postgresql.org/docs/current/sql-altertable.html: "You must own the table to use ALTER TABLE"."""
    owners: dict[str, list[str]] = {}
    for row in examined.tables:
        if not row.owned:
            owners.setdefault(row.owner, []).append(quote_table(row.nspname, row.relname))
    for owner, tables in sorted(owners.items()):
        yield Problem(
            f"{examined.role} can't change keys of {named(tables)}: the owner is {owner}",
            f"Let migrations run as {owner}, or GRANT {quote_identifier(owner)} TO {role};",
        )
