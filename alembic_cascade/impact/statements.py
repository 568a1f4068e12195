"""What a prediction runs: calls of functions that live in the session, gone with its transaction."""

from __future__ import annotations

from alembic_cascade.sql.functions import in_one_statement, read_functions
from alembic_cascade.sql.quoting import quote_literal, quote_text_array

BEGIN = "SELECT pg_temp.cascade_begin_impact()"
READ_ONLY = "SET TRANSACTION READ ONLY"
END = "SELECT pg_temp.cascade_end_impact()"
MOVED = "SELECT pg_temp.cascade_moved()"
RESULT = "SELECT pg_temp.cascade_impact()"


def preparing_statements() -> tuple[str, ...]:
    """The statements that make the tables and the functions, some of which operations on orphans have, too.

    After the last of them the transaction is read-only.
    """
    shared = read_functions("alembic_cascade.orphans", ("relations",))
    ways, *others = (read_functions("alembic_cascade.impact", (name,)) for name in ("ways", "rounds", "prediction"))
    # Functions take the rows of a table, which has to be there first.
    return (
        in_one_statement((*shared, *ways)),
        BEGIN,
        in_one_statement(statement for made in others for statement in made),
        READ_ONLY,
    )


def delete_where(table: str, condition: str) -> str:
    """List the rows of a table, its name quoted, that fulfil a condition."""
    return f"SELECT pg_temp.cascade_delete_where({_relation(table)}, {quote_literal(condition)})"


def is_there(table: str, condition: str) -> str:
    """Whether a row fulfils the condition."""
    return f"SELECT pg_temp.cascade_is_there({_relation(table)}, {quote_literal(condition)})"


def key_columns(table: str) -> str:
    """The columns of the primary key, in its order."""
    return f"SELECT pg_temp.cascade_key_columns({_relation(table)})"


def key_condition(table: str, key: tuple[str, ...]) -> str:
    """The condition that the primary key has these values."""
    return f"SELECT pg_temp.cascade_key_condition({_relation(table)}, {quote_text_array(key)})"


def next_round(number: int) -> str:
    """Find what the triggers of a round would do, and return the number of rows that they act on."""
    return f"SELECT pg_temp.cascade_next_round({number})"


def _relation(table: str) -> str:
    return f"{quote_literal(table)}::pg_catalog.regclass"
