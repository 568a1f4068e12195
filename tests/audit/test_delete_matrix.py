"""What is told of ``session.delete(parent)`` is what PostgreSQL and SQLAlchemy do, case by case."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Table,
    and_,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.orm import Session, foreign, registry, relationship, remote, selectinload

from alembic_cascade.audit.deletion import Effect, session_effect
from alembic_cascade.audit.relations import relations_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine

    from alembic_cascade.audit.relations import Relation

RULES = ("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")
# What a child's columns are: whether they take NULL, are part of the primary key, have a default.
COLUMNS: dict[str, dict[str, dict[str, Any]]] = {
    "nullable": {"parent_id": {}},
    "nullable, with a default": {"parent_id": {"server_default": "0"}},
    "not null": {"parent_id": {"nullable": False}},
    "not null, with a default": {"parent_id": {"nullable": False, "server_default": "0"}},
    "primary key": {"parent_id": {"primary_key": True}},
    "primary key, with a default": {"parent_id": {"primary_key": True, "server_default": "0"}},
    "composite": {"tenant_id": {"server_default": "0"}, "parent_id": {"server_default": "0"}},
    "composite, half nullable": {"tenant_id": {"nullable": False, "server_default": "7"}, "parent_id": {}},
    "composite, half primary key": {"tenant_id": {"primary_key": True, "server_default": "7"}, "parent_id": {}},
}


@dataclass(frozen=True)
class Shape:
    """How the relationship is written."""

    cascade: str | None = None
    passive_deletes: bool | str = False
    lazy: str = "select"
    viewonly: bool = False
    post_update: bool = False
    uselist: bool | None = None
    many_to_one: bool = False

    @property
    def keywords(self) -> dict[str, Any]:
        written = {"cascade": self.cascade, "passive_deletes": self.passive_deletes, "lazy": self.lazy}
        written |= {"viewonly": self.viewonly, "post_update": self.post_update, "uselist": self.uselist}
        return {name: value for name, value in written.items() if value not in (None, False) or name == "uselist"}


CASCADES = (None, "all", "all, delete-orphan")
SHAPES = [
    *(Shape(cascade, passive) for cascade, passive in product(CASCADES, (False, True))),
    Shape(passive_deletes="all"),
    Shape(viewonly=True),
    Shape(many_to_one=True),
]
LOADERS = ("write_only", "dynamic", "raise", "joined")
RARE_SHAPES = [
    *(Shape(*parts) for parts in product(CASCADES[:2], (False, True), LOADERS)),
    # With passive_deletes="all", SQLAlchemy itself stumbles, by a KeyError.
    *(Shape(cascade, passive, post_update=True) for cascade, passive in product(CASCADES[:2], (False, True))),
    *(Shape(cascade, passive, uselist=False) for cascade, passive in product(CASCADES[:2], (False, True))),
]
LISTED = ("SET NULL (parent_id)", "SET DEFAULT (parent_id)")
# Which keys and relationships are tried over which columns: what differs, with what it differs for.
PLAIN = ("nullable", "not null", "primary key")
CASES: dict[str, tuple[str, Sequence[str | None], Sequence[Shape]]] = {
    **{columns: (columns, (None, *RULES), SHAPES) for columns in PLAIN},
    **{f"{columns}, with a default": (f"{columns}, with a default", ("SET DEFAULT",), SHAPES) for columns in PLAIN},
    **{f"{columns}, rare": (columns, ("NO ACTION", "CASCADE"), RARE_SHAPES) for columns in PLAIN},
    "composite": ("composite", RULES[2:], SHAPES[:2] + SHAPES[6:7]),
    "composite, half nullable": ("composite, half nullable", (*RULES[2:], *LISTED), SHAPES[:2] + SHAPES[6:7]),
    "composite, half primary key": ("composite, half primary key", (*RULES[2:], *LISTED), SHAPES[:2] + SHAPES[6:7]),
}


@dataclass
class Family:
    """A parent's and a child's table, with a row each, and the parent that is the default."""

    metadata: MetaData
    columns: str
    rule: str | None
    parent: Table = field(init=False)
    child: Table = field(init=False)

    def __post_init__(self) -> None:
        name = (self.rule or "no key").replace(" ", "_").lower()
        kinds = COLUMNS[self.columns]
        parent_columns = {"tenant_id": "tenant_id", "parent_id": "id"}
        keys = [parent_columns[column] for column in kinds]
        self.parent = Table(
            f"parent_{name}",
            self.metadata,
            *(Column(key, Integer, primary_key=True, autoincrement=False) for key in keys),
        )
        self.child = Table(
            f"child_{name}",
            self.metadata,
            Column("number", Integer, primary_key=True, autoincrement=False),
            *(Column(column, Integer, autoincrement=False, **settings) for column, settings in kinds.items()),
        )
        if self.rule is not None:
            self.child.append_constraint(
                ForeignKeyConstraint(list(kinds), [self.parent.c[key] for key in keys], ondelete=self.rule)
            )

    @property
    def pairs(self) -> list[tuple[Column[Any], Column[Any]]]:
        names = {"tenant_id": "tenant_id", "parent_id": "id"}
        return [(self.parent.c[names[column]], self.child.c[column]) for column in COLUMNS[self.columns]]

    def fill(self, connection: Connection) -> None:
        tenants = [0, 7] if "tenant_id" in self.parent.c else [None]
        for tenant, number in product(tenants, (0, 1)):
            row = {"id": number} | ({} if tenant is None else {"tenant_id": tenant})
            connection.execute(insert(self.parent).values(row))
        row = {"number": 1, "parent_id": 1} | ({} if tenants == [None] else {"tenant_id": 7})
        connection.execute(insert(self.child).values(row))

    @contextmanager
    def mapped(self, shape: Shape) -> Iterator[tuple[type[Any], Relation]]:
        """The parent's class, mapped for as long as it is used, and the relationship."""
        models = registry()
        parent, child = type("Parent", (), {}), type("Child", (), {})
        join = and_(*(one == remote(foreign(other)) for one, other in self.pairs))
        backwards = and_(*(remote(one) == foreign(other) for one, other in self.pairs))
        here, there = {}, {}
        if shape.many_to_one:
            there["parent"] = relationship(parent, primaryjoin=backwards)
        else:
            here["children"] = relationship(child, primaryjoin=join, **shape.keywords)
        models.map_imperatively(child, self.child, properties=there)
        models.map_imperatively(parent, self.parent, properties=here)
        models.configure()
        yield parent, next(relations_of(inspect(child if shape.many_to_one else parent)))
        models.dispose()


def observed(connection: Connection, family: Family, parent: type[Any], shape: Shape, *, loaded: bool) -> Effect:
    """What a delete of the parent did to its child; it is undone."""
    key = (7, 1) if "tenant_id" in family.parent.c else 1
    try:
        with Session(connection) as session:
            loadable = loaded and not shape.many_to_one and shape.lazy not in {"write_only", "dynamic"}
            one = session.get_one(parent, key, options=[selectinload(parent.children)] if loadable else [])
            if not loaded:
                session.expire(one)
            session.delete(one)
            session.flush()
            return _effect_on(connection, family)
    except IntegrityError:
        return Effect.REFUSED
    except AssertionError as error:
        assert "blank-out primary key" in str(error)  # noqa: PT017 - it is what the case is about
        return Effect.BLANKED
    except InvalidRequestError as error:
        assert "can't load the existing state" in str(error), error  # noqa: PT017 - likewise
        return Effect.UNKNOWN_COLLECTION
    finally:
        connection.rollback()


def _effect_on(connection: Connection, family: Family) -> Effect:
    row = connection.execute(select(family.child.c.parent_id)).one_or_none()
    if row is None:
        return Effect.DELETED
    return {None: Effect.NULLED, 0: Effect.DEFAULTED, 1: Effect.ORPHANED}[row.parent_id]


def families(connection: Connection, columns: str, rules: Sequence[str | None]) -> list[Family]:
    """A family for each rule, in the database, with its rows."""
    metadata = MetaData()
    made = [Family(metadata, columns, rule) for rule in rules]
    metadata.create_all(connection)
    for family in made:
        family.fill(connection)
    connection.commit()
    return made


def mismatches(connection: Connection, family: Family, shape: Shape) -> Iterator[str]:
    """What a delete does and was not predicted to do."""
    with family.mapped(shape) as (parent, relation):
        for loaded in (False, True):
            effect = observed(connection, family, parent, shape, loaded=loaded)
            predicted = session_effect(relation, loaded=loaded)
            if effect is not predicted:
                yield f"{family.rule}, loaded={loaded}, {shape}: {effect.name}, not {predicted.name}"


@pytest.mark.parametrize("case", CASES)
def test_every_delete_does_what_is_predicted(engine: Engine, case: str) -> None:
    """No mismatch, whatever the relationship and the key say, with and without the children in the session."""
    columns, rules, shapes = CASES[case]
    with engine.connect() as connection:
        pairs = product(families(connection, columns, rules), shapes)
        assert [wrong for family, shape in pairs for wrong in mismatches(connection, family, shape)] == []
