"""Keys whose types have an equality of their own, and columns that are called like what our functions call theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, MetaData, Table, Text
from sqlalchemy.types import UserDefinedType

from alembic_cascade import LifecycleColumn
from lifecycle.channels import configured
from lifecycle.test_backfill import FILLED
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project


class OwnType(UserDefinedType[str]):
    """A type that SQLAlchemy does not know."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        """Its name."""
        return self.name


def chat(own: Any, other: Any = None, key: str = "channel_id", remote: str = "id") -> MetaData:
    """Channels with a key of one type, and messages that refer to it by a column of another."""
    metadata = MetaData()
    Table("channels", metadata, Column(remote, own, primary_key=True))
    Table(
        "messages",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column(key, own if other is None else other, ForeignKey(f"channels.{remote}", name="fk_channel")),
        Column("sent_at", DateTime(timezone=True)),
    )
    return metadata


def newest(project: Project) -> str | None:
    """The day of the newest message of the one channel."""
    ((day,),) = project.fetch("SELECT last_message_at::date::text FROM channels")
    return None if day is None else str(day)


# What makes the type, the types of both sides, and two spellings of one key.
CASE_BLIND = "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
OWN_CLASS = (
    "CREATE TYPE pair AS (one int, two int)",
    "CREATE FUNCTION pair_cmp(pair, pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.btint4cmp($1.one, $2.one)'",
    *(
        f"CREATE FUNCTION pair_{name}(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.one {sign} $2.one'"
        for name, sign in {"lt": "<", "le": "<=", "eq": "=", "ge": ">=", "gt": ">"}.items()
    ),
    *(
        f"CREATE OPERATOR {sign} (LEFTARG = pair, RIGHTARG = pair, FUNCTION = pair_{name})"
        for name, sign in {"lt": "<", "le": "<=", "eq": "=", "ge": ">=", "gt": ">"}.items()
    ),
    "CREATE OPERATOR CLASS pair_ops DEFAULT FOR TYPE pair USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, "
    "OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 pair_cmp(pair, pair)",
)
KINDS: dict[str, tuple[tuple[str, ...], Any, Any, str, str]] = {
    "a collation blind to case": ((CASE_BLIND,), Text(collation="blind"), None, "General", "GENERAL"),
    "different collations": ((), Text(collation="C"), Text(collation="POSIX"), "General", "General"),
    "numbers of two sizes": ((), BigInteger, Integer, "1", "1"),
    "a domain": (("CREATE DOMAIN code AS text",), OwnType("code"), None, "General", "General"),
    "a domain of one side": (("CREATE DOMAIN code AS text",), Text, OwnType("code"), "General", "General"),
    "a class of operators of one's own": (OWN_CLASS, OwnType("pair"), None, "(1,2)", "(1,3)"),
}


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize(("setup", "own", "other", "here", "there"), KINDS.values(), ids=KINDS)
def test_a_row_is_found_as_the_foreign_key_finds_it(
    project: Project, setup: tuple[str, ...], own: Any, other: Any, here: str, there: str, concurrently: bool
) -> None:
    """By the backfill and by the trigger; the function has the operator, and is no other one for that."""
    if CASE_BLIND in setup and not project.fetch("SELECT FROM pg_collation WHERE collname = 'und-x-icu'"):
        pytest.skip("the server has no ICU")
    project.execute(*setup)
    project.create(chat(own, other))
    project.execute(
        f"INSERT INTO channels VALUES ('{here}')", f"INSERT INTO messages VALUES (1, '{there}', '2020-01-01')"
    )
    configured(project, FILLED, metadata=chat(own, other), concurrently=concurrently)
    project.revisions()
    project.upgrade()
    assert newest(project) == "2020-01-01"
    project.execute(f"INSERT INTO messages VALUES (2, '{there}', '2024-01-01'), (3, '{here}', '2023-01-01')")
    assert newest(project) == "2024-01-01"
    assert project.revision().upgrade == "pass\n"


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_citext_is_found_as_the_foreign_key_finds_it(project: Project) -> None:
    """Its operators are in the schema of the extension, which the function's path does not name."""
    if not project.fetch("SELECT FROM pg_available_extensions WHERE name = 'citext'"):
        pytest.skip("the server has no citext")
    project.execute("CREATE SCHEMA tools", "CREATE EXTENSION citext SCHEMA tools")
    metadata = chat(OwnType("tools.citext"))
    project.create(metadata)
    project.execute(
        "INSERT INTO channels VALUES ('General')", "INSERT INTO messages VALUES (1, 'GENERAL', '2020-01-01')"
    )
    configured(project, FILLED, metadata=metadata)
    project.revision()
    run_there_and_back(project, ["channels"])
    assert newest(project) == "2020-01-01"
    project.execute("INSERT INTO messages VALUES (2, 'general', '2024-01-01')")
    assert newest(project) == "2024-01-01"


NAMES = [
    "value", "number", "place", "version", "relation", "key_1", "newest", "parent", "child", "inserted", "held", "found",
    "kept", "name", "order", 'a"b', "%1$s", "%s", "$cascade$",
]  # fmt: skip


def namesakes() -> MetaData:
    """For each of the names a channel, keyed and filled by it, and its messages, that refer by it or are sent at it."""
    metadata = MetaData()
    for place, name in enumerate(NAMES):
        Table(f"channels_{place}", metadata, Column(name, Integer, primary_key=True, autoincrement=False))
        Table(
            f"messages_{place}",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column(name, ForeignKey(metadata.tables[f"channels_{place}"].c[name])),
            Column("sent_at", DateTime(timezone=True)),
        )
        Table(f"rooms_{place}", metadata, Column("id", Integer, primary_key=True, autoincrement=False))
        Table(
            f"notes_{place}",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column("room_id", ForeignKey(f"rooms_{place}.id")),
            Column(name, DateTime(timezone=True)),
        )
    return metadata


@pytest.mark.parametrize("concurrently", [False, True])
def test_columns_may_be_called_like_anything_of_ours(project: Project, concurrently: bool) -> None:
    """Those of a key on both of its sides, what is set, and what it is set from."""
    project.create(namesakes())
    policies, days = [], []
    for place, name in enumerate(NAMES):
        policies += [
            LifecycleColumn("last_at", tables=f"channels_{place}", set_from=f"messages_{place}.sent_at", backfill=True),
            LifecycleColumn(name, tables=f"rooms_{place}", set_from=f"notes_{place}.{name}", backfill=True),
        ]
        quoted = '"' + name.replace('"', '""') + '"'
        days += [(f"channels_{place}", "last_at"), (f"rooms_{place}", quoted)]
    parents = [table for table, _ in days]
    children = [name for place in range(len(NAMES)) for name in (f"messages_{place}", f"notes_{place}")]
    for table in parents:
        project.execute(f"INSERT INTO {table} VALUES (1)")
    project.execute(*(f"INSERT INTO {child} VALUES (1, 1, '2020-01-01')" for child in children))
    configured(project, *policies, metadata=namesakes(), concurrently=concurrently)
    project.revisions()
    project.upgrade()
    newest_of_all = " UNION ALL ".join(f"SELECT {column}::date::text FROM {table}" for table, column in days)
    assert set(project.fetch(newest_of_all)) == {("2020-01-01",)}
    project.execute(*(f"INSERT INTO {child} VALUES (2, 1, '2024-01-01')" for child in children))
    assert set(project.fetch(newest_of_all)) == {("2024-01-01",)}
    assert project.revision().upgrade == "pass\n"
