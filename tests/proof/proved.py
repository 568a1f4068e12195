"""Proofs on an engine's database, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import models, reference
from sqlalchemy import text

from alembic_cascade import CascadeConfig
from alembic_cascade.proof import proofs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine, MetaData

    from alembic_cascade.proof import Proof

PARENT = "CREATE TABLE parents (id integer PRIMARY KEY)"
KEY = "children.parent_id -> parents.id"


def all_proofs(engine: Engine, *metadatas: MetaData, config: CascadeConfig | None = None) -> list[Proof]:
    """All proofs, on a connection of its own."""
    with engine.connect() as connection:
        return list(proofs(connection, metadatas, config=config or CascadeConfig()))


def execute(engine: Engine, *statements: str) -> None:
    """Run SQL, and commit."""
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def told(found: Sequence[Proof]) -> list[tuple[str, str, str]]:
    """Subjects, outcomes, and what happened."""
    return [(proof.subject, proof.outcome, proof.happened) for proof in found]


def not_proved(found: Sequence[Proof]) -> list[tuple[str, str, str, str | None]]:
    """What is not proved, with the reason."""
    return [(proof.subject, proof.outcome, proof.happened, proof.reason) for proof in found if not proof.is_proved]


def rows_of(connection: Connection) -> list[object]:
    """All rows of all tables, with what any write would change of them."""
    tables = connection.execute(
        text(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
    ).scalars()
    return [
        (
            table,
            [tuple(row) for row in connection.execute(text(f"SELECT ctid, xmin, t::text FROM {table} t ORDER BY 1"))],
        )
        for table in list(tables)
    ]


def family(**rule: object) -> MetaData:
    """Parents and their children."""
    return models(parents=[], children=[reference("parent_id", "parents.id", **rule)])


def key_proof(engine: Engine, metadata: MetaData, *statements: str, config: CascadeConfig | None = None) -> Proof:
    """The proof of the one key of models, on the database that has their tables, changed by ``statements``."""
    metadata.create_all(engine)
    execute(engine, *statements)
    (found,) = all_proofs(engine, metadata, config=config)
    return found


def altered(rule: str) -> str:
    return (
        "ALTER TABLE children DROP CONSTRAINT children_parent_id_fkey,"
        f" ADD CONSTRAINT children_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES parents {rule}"
    )
