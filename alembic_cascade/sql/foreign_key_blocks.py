"""What an operation on one foreign key runs on PostgreSQL: the same DO block online and in a script.

The block finds the key in the catalogue itself, so that a script does in each deployment what
``alembic upgrade`` would do there.
"""

from __future__ import annotations

from dataclasses import replace
from textwrap import indent

from sqlalchemy.schema import AddConstraint
from sqlalchemy.sql.elements import ClauseElement

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.naming import clipped_name
from alembic_cascade.sql.catalogue import matching_foreign_key
from alembic_cascade.sql.constraints import constraint_of
from alembic_cascade.sql.quoting import DIALECT, dollar_quote, quote_literal, quote_table


def alter_block(existing: ForeignKey, target: ForeignKey, *, if_exists: bool) -> str:
    """One ALTER TABLE that drops ``existing`` and adds ``target``; the comment on the key stays."""
    name = "present.name"
    if target.name != existing.name:
        # A key that has a name of its own in this deployment keeps it, also where the text renames it.
        was = quote_literal(clipped_name(existing.name or ""))
        name = f"CASE present.name WHEN {was} THEN {quote_literal(target.name or '')} ELSE present.name END"
    table = quote_literal(quote_table(*existing.source))
    return _block(
        [existing.source, existing.referent, target.referent] if if_exists else [existing.source, target.referent],
        f"""FOR present IN
{indent(literal_sql(matching_foreign_key(existing)), "    ")}
LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s',
        {table}, present.name, {name},
        {quote_literal(definition(target))});
    IF present.remark IS NOT NULL THEN
        EXECUTE pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', {name}, {table}, present.remark);
    END IF;
    RETURN;
END LOOP;
{_not_found(existing)}""",
        if_exists=if_exists,
    )


def add_block(key: ForeignKey, *, if_exists: bool) -> str:
    """One ALTER TABLE that adds ``key``, and its comment."""
    table, name = quote_literal(quote_table(*key.source)), quote_literal(key.name or "")
    rule = quote_literal(definition(key))
    body = f"EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', {table}, {name}, {rule});"
    if key.comment is not None:
        remark = quote_literal(key.comment)
        body += f"\nEXECUTE pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', {name}, {table}, {remark});"
    return _block([key.source, key.referent], body, if_exists=if_exists)


def drop_block(key: ForeignKey, *, doubled: bool = False, if_exists: bool) -> str:
    """One ALTER TABLE that drops ``key``, whatever its name in this deployment, unless it is ``doubled``."""
    other_stays = f"\n    EXIT WHEN present.name <> {quote_literal(clipped_name(key.name or ''))};" if doubled else ""
    table = quote_literal(quote_table(*key.source))
    return _block(
        [key.source, key.referent] if if_exists else [key.source],
        f"""FOR present IN
{indent(literal_sql(matching_foreign_key(key)), "    ")}
LOOP{other_stays}
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', {table}, present.name);
    RETURN;
END LOOP;
{_not_found(key)}""",
        if_exists=if_exists,
    )


def _block(tables: list[TableName], body: str, *, if_exists: bool) -> str:
    """A DO block that runs ``body`` where the tables are there, and skips or refuses it where they are not."""
    guards = "".join(table_guard(table, if_exists=if_exists) for table in dict.fromkeys(tables))
    # Checks that are put off until COMMIT would make ALTER TABLE fail with "pending trigger events".
    statements = f"{guards}SET CONSTRAINTS ALL IMMEDIATE;\n{body}"
    code = f"DECLARE\n    present record;\nBEGIN\n{indent(statements, '    ')}\nEND"
    return f"DO {dollar_quote(code)}"


def table_guard(table: TableName, *, if_exists: bool) -> str:
    """Skip or refuse, by ``if_exists``, where the table is absent."""
    absent = f"pg_catalog.to_regclass({quote_literal(quote_table(*table))}) IS NULL"
    message = quote_literal(f"the table {table} does not exist")
    if if_exists:
        skipped = quote_literal(f"the table {table} does not exist, skipped")
        return f"IF {absent} THEN\n    RAISE NOTICE USING MESSAGE = {skipped};\n    RETURN;\nEND IF;\n"
    return f"IF {absent} THEN\n    RAISE undefined_table USING MESSAGE = {message};\nEND IF;\n"


def _not_found(key: ForeignKey) -> str:
    message = f"{key.source} has no foreign key {key.name}, nor another one for {key.label}"
    return f"RAISE undefined_object USING MESSAGE = {quote_literal(message)};"


def definition(key: ForeignKey) -> str:
    """What follows ``ADD CONSTRAINT <name>``."""
    nameless = constraint_of(replace(key, name=None))
    statement = str(AddConstraint(nameless).compile(dialect=DIALECT))
    text = statement.removeprefix(f"ALTER TABLE {quote_table(*key.source)} ADD ")
    # Core has no word for it: https://www.postgresql.org/docs/18/sql-createtable.html
    return text if key.enforced else f"{text} NOT ENFORCED"


def literal_sql(statement: ClauseElement) -> str:
    """``statement`` with its values written out, as PostgreSQL's own dialect renders it."""
    compiled = str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
    return "\n".join(line.strip() for line in compiled.splitlines())
