"""``contradicting-cascade-paths``: the rule's prediction, compared with what PostgreSQL does."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from audit.databases import targets_there
from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL, Engine

RULE = "contradicting-cascade-paths"
HEAD = """\
class Tenant(Base):
    __tablename__ = "tenants"
    id: Mapped[int] = mapped_column(primary_key=True)

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id", ondelete="CASCADE"), index=True)

class Group(Base):
    __tablename__ = "groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id", ondelete="CASCADE"), index=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


def posts(**keys: str) -> str:
    """The models with keys of posts: what their columns refer to, and how."""
    lines = (
        f"    {name}: Mapped[int | None] = mapped_column(ForeignKey({rule}), index=True)\n"
        for name, rule in keys.items()
    )
    return HEAD + "".join(lines)


CASCADE = '"{}.id", ondelete="CASCADE"'
RESTRICT = '"{}.id", ondelete="RESTRICT"'
BY_USER = CASCADE.format("users")
SAID = """\
warning contradicting-cascade-paths posts.tenant_id -> tenants.id
it has RESTRICT, and CASCADE removes its rows as well: tenants -> users -> posts.
A delete in tenants that reaches a row of posts both ways is refused, for the check comes before the CASCADE.
Give it ondelete="CASCADE", or let it be checked at the end: deferrable=True, initially="DEFERRED" in place of ondelete="RESTRICT"."""
SAID_BY_ORDER = """\
warning contradicting-cascade-paths posts.group_id -> groups.id
it has NO ACTION, and CASCADE removes its rows as well: tenants -> users -> posts.
A delete in tenants that reaches a row of posts both ways is refused or not as it happens, by which key is older and which row comes first.
Give it ondelete="CASCADE", or let it be checked at the end: deferrable=True, initially="DEFERRED"."""


def test_what_it_says(tmp_path: Path) -> None:
    """The way of the CASCADE, and why it comes too late."""
    assert message(tmp_path, RULE, posts(user_id=BY_USER, tenant_id=RESTRICT.format("tenants"))) == SAID


def test_what_it_says_where_order_decides(tmp_path: Path) -> None:
    """Both ways are of one length."""
    assert message(tmp_path, RULE, posts(user_id=BY_USER, group_id='"groups.id"')) == SAID_BY_ORDER


def test_two_keys_to_one_parent(tmp_path: Path) -> None:
    """An author who edits his own post."""
    assert targets(tmp_path, RULE, posts(author_id=BY_USER, editor_id='"users.id"')) == ["posts.editor_id -> users.id"]


@pytest.mark.parametrize(
    "keys",
    [
        {"user_id": BY_USER},
        {"user_id": BY_USER, "tenant_id": CASCADE.format("tenants")},
        {"user_id": BY_USER, "tenant_id": '"tenants.id", ondelete="SET NULL"'},
        {"user_id": BY_USER, "tenant_id": '"tenants.id", deferrable=True, initially="DEFERRED"'},
        {"tenant_id": CASCADE.format("tenants"), "user_id": RESTRICT.format("users")},
        {"user_id": BY_USER, "post_id": RESTRICT.format("posts")},
        {"user_id": RESTRICT.format("users"), "tenant_id": RESTRICT.format("tenants")},
    ],
)
def test_the_near_miss(tmp_path: Path, keys: dict[str, str]) -> None:
    """Nothing refuses, or not before the CASCADE is there, or nothing cascades."""
    assert targets(tmp_path, RULE, posts(**keys)) == []


def test_a_deferrable_restrict_is_never_deferred(tmp_path: Path) -> None:
    """PostgreSQL defers NO ACTION alone."""
    deferred = '"tenants.id", ondelete="RESTRICT", deferrable=True, initially="DEFERRED"'
    assert len(targets(tmp_path, RULE, posts(user_id=BY_USER, tenant_id=deferred))) == 1


def test_a_cycle_is_another_matter(tmp_path: Path) -> None:
    """No way goes round it without end."""
    models = posts(user_id=BY_USER, group_id='"groups.id"').replace(
        '"groups"\n',
        '"groups"\n    post_id: Mapped[int] = mapped_column(\n'
        '        ForeignKey("posts.id", ondelete="CASCADE", use_alter=True), index=True\n    )\n',
    )
    assert targets(tmp_path, RULE, models) == ["posts.group_id -> groups.id"]


TABLES = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int);" + "".join(
    f"CREATE TABLE {name} (id int PRIMARY KEY, a int, b int, c int);" for name in ("c", "d")
)
ROWS = "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1);" + "".join(
    f"INSERT INTO {name} VALUES (1, 1, 1, 1);" for name in ("c", "d")
)
SHAPES = [
    # The keys with CASCADE, the one that refuses.
    (("b.a", "d.b"), "d.a"),
    (("b.a", "c.b", "d.c"), "d.a"),
    (("b.a", "c.b", "d.c"), "d.b"),
    (("b.a", "d.a"), "d.b"),
    (("b.a", "c.b", "d.a"), "d.c"),
    (("b.a", "c.a", "d.b"), "d.c"),
    (("b.a", "c.b", "d.b"), "d.c"),
    (("b.a", "c.a", "d.a"), "d.b"),
    (("b.a", "c.b", "c.a", "d.c"), "d.b"),
]


def statement(key: str, rule: str) -> str:
    """The DDL of a key such as ``d.a``."""
    child, parent = key.split(".")
    return f"ALTER TABLE {child} ADD FOREIGN KEY ({parent}) REFERENCES {parent} ON DELETE {rule}"


@pytest.mark.parametrize("rule", ["NO ACTION", "RESTRICT"])
@pytest.mark.parametrize(("cascading", "refusing"), SHAPES)
def test_what_postgresql_does(
    tmp_path: Path, url: URL, engine: Engine, cascading: tuple[str, ...], refusing: str, rule: str
) -> None:
    """A finding if, and only if, the delete of a row is refused with the keys made in one order or another."""
    keys = [*((key, "CASCADE") for key in cascading), (refusing, rule)]
    refused = set()
    for order in list(permutations(keys))[:: (1, 5, 31)[len(keys) - 3]]:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + TABLES)
            for key in order:
                connection.exec_driver_sql(statement(*key))
            connection.exec_driver_sql(ROWS)
        with engine.connect() as connection:
            try:
                connection.exec_driver_sql("DELETE FROM a")
                refused.add(False)
            except IntegrityError:
                refused.add(True)
    found = targets_there(tmp_path, RULE, "", url)
    child, parent = refusing.split(".")
    assert found == ([f"{child}.{parent} -> {parent}.id"] if True in refused else [])


def test_the_shapes_are_of_all_kinds(tmp_path: Path, url: URL) -> None:
    """Those in which the check comes earlier, at the same time, and later."""
    names = {name for cascading, refusing in SHAPES for name in (*cascading, refusing)}
    assert names <= {f"{child}.{parent}" for child, parent in product("bcd", "abc") if child > parent}
