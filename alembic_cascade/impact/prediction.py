"""What a DELETE would do, asked of the database that it is not run in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import detail, message, sqlstate
from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.impact.statements import (
    END,
    MOVED,
    RESULT,
    delete_where,
    is_there,
    key_columns,
    key_condition,
    next_round,
    preparing_statements,
)
from alembic_cascade.rolling_back import rolled_back
from alembic_cascade.sql.catalogue import ACTION_RULES, regclass
from alembic_cascade.sql.quoting import quote_table, verbatim
from alembic_cascade.sql.system_tables import pg_class

READ_ONLY_TRANSACTION = "25006"
SEVERAL_STATEMENTS = "42P11"


@dataclass(frozen=True)
class TableImpact:
    """Rows of a table, each counted once: ``deleted`` by the DELETE itself, which ``removed`` has, too."""

    table: TableName
    deleted: int
    removed: int
    changed: int


@dataclass(frozen=True)
class KeyImpact:
    """What a foreign key of ``table`` would do to its rows as rows of ``parent`` are removed or changed.

    ``rows`` are those that meet its rule, also such as meet another one, too; ``unsure`` those of them of which
    PostgreSQL's order decides. ``blocked`` stand in the way, ``perhaps_blocked`` if that order will have it.
    """

    parent: TableName
    table: TableName
    name: str
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    on_update: bool
    rule: str
    fires: bool
    enforced: bool
    deferred: bool
    changes: tuple[str, ...]
    rows: int
    unsure: int
    blocked: int
    perhaps_blocked: int
    problem: str | None

    @property
    def removes(self) -> bool:
        return self.fires and self.rule == "CASCADE" and not self.on_update

    @property
    def effect(self) -> str:
        """In one word, the same in JSON."""
        if not self.fires:
            return "ignored"
        if self.removes:
            return "removed"
        return {"SET NULL": "set_null", "SET DEFAULT": "set_default", "CASCADE": "updated"}.get(self.rule, "checked")


@dataclass(frozen=True)
class Remark:
    """What can't be foreseen; by ``kind`` what ``name`` names."""

    kind: str
    table: TableName
    name: str | None
    on_update: bool


@dataclass(frozen=True)
class Prediction:
    """What would become of rows of ``table``, and of all that refers to them; ``missing`` keys have no row."""

    table: TableName
    tables: tuple[TableImpact, ...]
    keys: tuple[KeyImpact, ...]
    remarks: tuple[Remark, ...]
    missing: tuple[tuple[str, ...], ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Whether something stands in the way, or may."""
        return any(key.blocked or key.perhaps_blocked for key in self.keys)


def predict(
    connection: Connection,
    table: TableName,
    wanted: Sequence[tuple[str, ...]] | str,
    step: Callable[[str], None] = lambda _name: None,
) -> Prediction | None:
    """What a DELETE of the rows would do that have one of these primary keys, or fulfil the condition.

    The work is done by the server: it finds the rows round by round, as its triggers would. Nothing is changed: the
    transaction is read-only from where temporary tables are made for what is found, and is rolled back.
    None where there is no such table. Errors: :exc:`.CascadeError` where the rows can't be found, or change meanwhile.
    """
    if connection.scalar(select(regclass(table))) is None:
        return None
    kind = connection.scalar(select(pg_class.c.relkind).where(pg_class.c.oid == regclass(table)))
    name = quote_table(*table)
    if kind not in {"r", "p"}:
        raise CascadeError(f"{name} is no table: only rows of tables can be referred to.")
    with rolled_back(connection):
        _make_functions(connection)
        missing = _list_rows(connection, name, wanted)
        for number in _rounds(connection):
            step(number)
        connection.execute(verbatim(END))
        _check_nothing_moved(connection)
        found = json.loads(str(connection.scalar(verbatim(RESULT))))
    return _prediction(table, found, missing)


def _make_functions(connection: Connection) -> None:
    try:
        for statement in preparing_statements():
            connection.execute(verbatim(statement))
    except DBAPIError as error:
        if sqlstate(error) != READ_ONLY_TRANSACTION:
            raise
        raise CascadeError(
            "What is found is kept in temporary tables, which a session that is read-only can't make. Ask the primary "
            "server, in a session whose default_transaction_read_only is off."
        ) from error


def _list_rows(
    connection: Connection, name: str, wanted: Sequence[tuple[str, ...]] | str
) -> tuple[tuple[str, ...], ...]:
    """List the rows that the DELETE itself takes, and return the keys that have none."""
    try:
        if isinstance(wanted, str):
            connection.execute(verbatim(delete_where(name, wanted)))
            return ()
        conditions = {key: _condition(connection, name, key) for key in wanted}
        connection.execute(verbatim(delete_where(name, " OR ".join(f"({each})" for each in conditions.values()))))
        return tuple(key for key, each in conditions.items() if not connection.scalar(verbatim(is_there(name, each))))
    except DBAPIError as error:
        if sqlstate(error) == SEVERAL_STATEMENTS:
            raise CascadeError("The condition must be one expression, such as may follow WHERE.") from error
        said = " ".join(filter(None, (f"{message(error)}.", detail(error))))
        raise CascadeError(f"The rows of {name} can't be found: {said} Nothing was changed.") from error


def _condition(connection: Connection, name: str, key: tuple[str, ...]) -> str:
    columns = connection.scalar(verbatim(key_columns(name)))
    if not columns:
        raise CascadeError(f"{name} has no primary key. Say which rows are meant by a condition: --where.")
    if len(columns) != len(key):
        listed = ", ".join(columns)
        raise CascadeError(f"The primary key of {name} is ({listed}), which {len(key)} value(s) can't be.")
    return str(connection.scalar(verbatim(key_condition(name, key))))


def _rounds(connection: Connection) -> Iterator[str]:
    number = 0
    while rows := connection.scalar(verbatim(next_round(number))):
        number += 1
        yield f"round {number}: {rows} rows"


def _check_nothing_moved(connection: Connection) -> None:
    """Refuse to say what nobody looked at: what refers to rows that other sessions change meanwhile can't be found."""
    moved = connection.scalar(verbatim(MOVED))
    if moved is not None:
        raise CascadeError(
            f"Other sessions changed rows of {moved} while they were looked at. Run it again; if they always do, let "
            'env.py connect with isolation_level="REPEATABLE READ".'
        )


def _prediction(table: TableName, found: dict[str, Any], missing: tuple[tuple[str, ...], ...]) -> Prediction:
    tables = [
        TableImpact(TableName(*each["table"]), each["deleted"], each["removed"], each["changed"])
        for each in found["tables"]
    ]
    keys = [
        KeyImpact(
            parent=TableName(*each["parent"]),
            table=TableName(*each["table"]),
            name=each["key"],
            columns=tuple(each["columns"]),
            referred=tuple(each["referred"]),
            on_update=each["event"] == "u",
            rule=ACTION_RULES[each["rule"]],
            fires=each["fires"],
            enforced=each["enforced"],
            deferred=each["deferred"],
            changes=tuple(each["lost"]),
            rows=each["rows"],
            unsure=each["unsure"],
            blocked=each["blocked"],
            perhaps_blocked=each["perhaps_blocked"],
            problem=each["problem"],
        )
        for each in found["keys"]
    ]
    remarks = [
        Remark(each["kind"], TableName(*each["table"]), each["name"], each["event"] == "u") for each in found["remarks"]
    ]
    return Prediction(
        table,
        tuple(sorted(tables, key=lambda each: each.table.sort_key)),
        tuple(sorted(keys, key=lambda each: (each.table.sort_key, each.name, each.on_update, each.parent.sort_key))),
        tuple(sorted(remarks, key=lambda each: (each.kind, each.table.sort_key, each.name or "", each.on_update))),
        missing,
    )
