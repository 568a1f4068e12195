"""Whether row security hides rows from the role that runs migrations."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.outcome import Outcome, Problem, named, outcomes
from alembic_cascade.sql.quoting import quote_identifier, quote_table

CHECK = "row-security"


def row_security(examined: Examined) -> list[Outcome]:
    """The models' tables on which it is active for the role.

    A key is marked valid though orphans are hidden: https://www.postgresql.org/docs/current/ddl-rowsecurity.html
    """
    return outcomes(CHECK, _problems(examined), f"no rows of the models' tables are hidden from {examined.role}")


def _problems(examined: Examined) -> Iterator[Problem]:
    hidden = [row for row in examined.tables if row.hidden]
    if hidden:
        role = quote_identifier(examined.role)
        forced = [quote_table(row.nspname, row.relname) for row in hidden if row.forced and row.owned]
        instead = "".join(f" or ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;" for table in forced[:1])
        names = named([quote_table(row.nspname, row.relname) for row in hidden])
        yield Problem(
            f"row security may hide rows of {names} from {examined.role}: orphans among them are an error",
            f"As a superuser: ALTER ROLE {role} BYPASSRLS;{instead}",
        )
