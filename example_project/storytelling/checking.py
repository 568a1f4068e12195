"""What several applications want to hold in the end, tried on their own rows; an empty text where it does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, delete, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storytelling import differences, inspection
from storytelling.commands import Ran
from storytelling.inspection import ForeignKey
from storytelling.rolling_back import rolled_back

# Rows by their model and primary key.
Keys = set[tuple[type[Any], tuple[Any, ...]]]


def children_that_stay(engine: Engine, parents: Iterable[tuple[type[Any], Any]], absent: Collection[str] = ()) -> str:
    """Which children survive, or lose their parent, when each of these is deleted by SQL and by the ORM.

    The children are those of the relationships that are to take them along, but for those of ``absent`` tables; each
    must have some, for there would be nothing to see.
    """
    wrong: list[str] = []
    for model, key in parents:
        for deletes in (_by_sql, _by_orm):
            with rolled_back(engine) as connection:
                owned = _owned(connection, model, key, absent)
                wrong.extend(f"{model.__name__}.{name} has no row" for name, rows in owned.items() if not rows)
                deletes(connection, model, key)
                wrong.extend(_staying(connection, model, owned))
                orphans = inspection.orphans(connection, inspection.foreign_keys(connection))
            wrong.append(differences.orphans_found(orphans))
    return "; ".join(filter(None, dict.fromkeys(wrong)))


def _owned(connection: Connection, model: type[Any], key: Any, absent: Collection[str]) -> dict[str, Keys]:
    with session_on(connection) as session:
        parent = session.get_one(model, key)
        return {
            relationship.key: {
                (type(child), inspect(child).identity) for child in _listed(getattr(parent, relationship.key))
            }
            for relationship in inspect(model).relationships
            if relationship.cascade.delete and relationship.target.name not in absent
        }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _by_sql(connection: Connection, model: type[Any], key: Any) -> None:
    (column,) = inspect(model).primary_key
    connection.execute(delete(model).where(column == key))


def _by_orm(connection: Connection, model: type[Any], key: Any) -> None:
    with session_on(connection) as session:
        session.delete(session.get_one(model, key))
        session.commit()


def _staying(connection: Connection, model: type[Any], owned: Mapping[str, Keys]) -> Iterable[str]:
    with session_on(connection) as session:
        for name, rows in owned.items():
            staying = sum(session.get(child, key) is not None for child, key in rows)
            if staying:
                yield f"{staying} of {len(rows)} {model.__name__}.{name} stay"


def session_on(connection: Connection) -> Session:
    """A session whose commits end with the transaction of the connection."""
    return Session(connection, join_transaction_mode="create_savepoint")


def keys_that_let_anything_pass(engine: Engine) -> str:
    """By which keys a row may refer to a parent that there is not."""
    with rolled_back(engine) as connection:
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        found = {key: _passed(connection, key) for key in inspection.foreign_keys(connection)}
    return "; ".join(f"{key} {problem}" for key, problem in found.items() if problem) if found else "there is no key"


# A value that nothing has.
_NOBODY = {"integer": "-1", "bigint": "-1", "uuid": "gen_random_uuid()"}


def _passed(connection: Connection, key: ForeignKey) -> str:
    ((local, _),) = key.columns
    kind = connection.scalar(text(f"SELECT pg_typeof({local})::text FROM {key.child} LIMIT 1"))
    if kind is None:
        return "has no row"
    one = f"SELECT ctid FROM {key.child} LIMIT 1"
    refusal = _refusal(connection, f"UPDATE {key.child} SET {local} = {_NOBODY[kind]} WHERE ctid = ({one})")
    return "" if "foreign key" in refusal else refusal or "lets anything pass"


def statements_that_pass(engine: Engine, refused: Mapping[str, tuple[str, str]]) -> str:
    """Which of these statements is not refused by the constraint that is named with it."""
    with rolled_back(engine) as connection:
        found = {what: _refusal(connection, statement) for what, (statement, _) in refused.items()}
    wrong = {what: found[what] or "is accepted" for what, (_, by) in refused.items() if f'"{by}"' not in found[what]}
    return "; ".join(f"{what}: {problem}" for what, problem in wrong.items())


def _refusal(connection: Connection, statement: str) -> str:
    """What the database says against a statement, which leaves nothing."""
    savepoint = connection.begin_nested()
    try:
        connection.execute(text(statement))
    except IntegrityError as error:
        return str(error.orig).splitlines()[0]
    finally:
        savepoint.rollback()
    return ""


def failed(ran: Ran) -> str:
    """Why a command is not what it should be: its exit code."""
    return f"exit code {ran.code}" if ran.code else ""
