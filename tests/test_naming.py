"""The names that PostgreSQL gives, foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from alembic_cascade.naming import clipped_name, default_constraint_name
from alembic_cascade.sql.quoting import quote_identifier, quote_table

if TYPE_CHECKING:
    from sqlalchemy import Engine

names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=63
)
SYSTEM_COLUMNS = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"}
bounded_names = names.map(clipped_name).filter(lambda name: name not in SYSTEM_COLUMNS)


def test_the_names_are_those_that_postgresql_gives(engine: Engine) -> None:
    """Of any table and columns, however long, the second time as well."""

    @settings(max_examples=60)
    @given(
        bounded_names.filter(lambda name: not name.startswith("referent_of_all")),
        st.lists(bounded_names, min_size=1, max_size=3, unique=True),
    )
    def check(table: str, columns: list[str]) -> None:
        quoted = ", ".join(map(quote_identifier, columns))
        listed = ", ".join(f"{quote_identifier(column)} int" for column in columns)
        parent = ", ".join(f"c{number} int" for number in range(len(columns)))
        # With its schema: a name such as pg_class would mean the catalogue's.
        named = quote_table("public", table)
        key = f"FOREIGN KEY ({quoted}) REFERENCES referent_of_all"
        with engine.connect() as connection:
            for statement in (
                f"CREATE TABLE referent_of_all ({parent}, PRIMARY KEY ({parent.replace(' int', '')}))",
                f"CREATE TABLE {named} ({listed})",
                f"ALTER TABLE {named} ADD {key}, ADD {key}",
                f"ALTER TABLE {named} ADD UNIQUE ({quoted})",
            ):
                connection.execute(text(statement.replace(":", "\\:")))
            found = connection.execute(text(
                "SELECT contype, array_agg(conname::text ORDER BY oid) FROM pg_constraint WHERE contype IN ('f', 'u') "
                "AND connamespace = 'public'::regnamespace GROUP BY contype ORDER BY contype"
            )).all()  # fmt: skip
        first = default_constraint_name(table, tuple(columns), "fkey", ())
        second = default_constraint_name(table, tuple(columns), "fkey", {first})
        assert found == [("f", [first, second]), ("u", [default_constraint_name(table, tuple(columns), "key", ())])]

    check()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_a_clipped_name_is_whole_characters_of_63_bytes(name: str) -> None:
    """PostgreSQL never cuts a character in two."""
    clipped = clipped_name(name)
    assert name.startswith(clipped)
    assert len(clipped.encode()) <= 63
    assert name == clipped or len(name[: len(clipped) + 1].encode()) > 63
