"""Names and values as SQL text: what PostgreSQL reads is what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from alembic_cascade.sql.quoting import (
    dollar_quote,
    quote_identifier,
    quote_literal,
    quote_table,
    quote_text_array,
    verbatim,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def test_any_text_comes_through_any_driver_as_it_is(engine: Engine) -> None:
    """Neither percent signs nor colons nor backslashes are taken for something else."""

    @settings(max_examples=150)
    @given(texts, st.booleans())
    @example("100 % of :these, '$cascade$' and \\:those\\", False)
    @example("two\nlines\r\n", True)
    def check(value: str, standard: bool) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SET standard_conforming_strings = {'on' if standard else 'off'}")
            connection.exec_driver_sql("SET escape_string_warning = off")
            assert connection.scalar(verbatim(f"SELECT {quote_literal(value)}")) == value
            assert connection.scalar(verbatim(f"SELECT {quote_text_array((value, 'x'))}")) == [value, "x"]

    check()


def test_any_name_is_an_identifier(engine: Engine) -> None:
    """Case, key words and quotes included."""

    @settings(max_examples=100)
    @given(texts.filter(bool).filter(lambda name: len(name.encode()) <= 63))
    @example('Quo"te')
    @example("select")
    def check(name: str) -> None:
        with engine.connect() as connection:
            row = connection.execute(verbatim(f"SELECT 1 AS {quote_identifier(name)}")).one()
            assert row._fields == (name,)

    check()


def test_a_table_has_its_schema_where_one_is_given() -> None:
    """Both parts are quoted for themselves."""
    assert quote_table(None, "posts") == "posts"
    assert quote_table("My schema", "a.b") == '"My schema"."a.b"'


@given(texts)
def test_a_block_ends_where_it_is_meant_to_end(body: str) -> None:
    """The tag does not occur in it."""
    quoted = dollar_quote(body)
    tag = quoted.partition("\n")[0]
    assert tag not in body
    assert quoted == f"{tag}\n{body}\n{tag}"
