"""PostgreSQL's catalogue, read once for all proofs of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping

from alembic_cascade.foreign_keys import Action
from alembic_cascade.proof.catalogue import Catalogue, Check, Column, Key, Table, Type, Unique
from alembic_cascade.sql.catalogue import ACTION_RULES
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import verbatim


def read_catalogue(connection: Connection) -> Catalogue:
    """The facts on all tables of the database that are not the server's own; six queries."""
    types = {row["oid"]: row for row in _rows(connection, "types")}
    columns: dict[int, dict[str, Column]] = defaultdict(dict)
    for row in _rows(connection, "columns"):
        if row["type_oid"] in types:
            columns[row["relation"]][row["name"]] = _column(row, types)
    checks: dict[int, list[Check]] = defaultdict(list)
    for row in _rows(connection, "checks"):
        checks[row["relation"]].append(Check(row["name"], row["expression"], frozenset(row["columns"])))
    uniques: dict[int, list[Unique]] = defaultdict(list)
    for row in _rows(connection, "uniques"):
        unique = Unique(row["name"], tuple(row["columns"]), row["is_primary"], row["is_plain"])
        uniques[row["relation"]].append(unique)
    keys = _keys(connection)
    tables = {
        row["oid"]: Table(
            row["oid"],
            row["schema"],
            row["name"],
            row["shown"],
            row["partitioned"],
            row["part_of"],
            row["bound"],
            columns[row["oid"]],
            tuple(checks[row["oid"]]),
            tuple(uniques[row["oid"]]),
            tuple(keys[row["oid"]]),
        )
        for row in _rows(connection, "tables")
    }
    referred: dict[int, set[str]] = defaultdict(set)
    for table in tables.values():
        for key in table.keys:
            referred[key.parent].update(remote for _, remote in key.pairs)
    return Catalogue(tables, referred)


def _rows(connection: Connection, query: str) -> Sequence[RowMapping]:
    return connection.execute(verbatim(read_query("alembic_cascade.proof", query))).mappings().all()


def _column(row: RowMapping, types: Mapping[int, RowMapping]) -> Column:
    """The column, with what its domains say."""
    found, modifier = types[row["type_oid"]], row["modifier"]
    not_null, has_default, checks = row["not_null"], row["expression"] is not None, list[str]()
    while found["kind"] == "d":
        not_null = not_null or found["not_null"]
        has_default = has_default or found["has_default"]
        checks += found["checks"]
        modifier = found["modifier"]
        found = types[found["base"]]
    type_ = Type(
        found["oid"],
        found["name"],
        found["plain_name"],
        found["kind"],
        found["category"],
        found["element"],
        tuple(found["labels"]),
    )
    return Column(
        row["name"],
        type_,
        modifier,
        not_null,
        row["identity"],
        row["generated"],
        row["expression"],
        has_default,
        tuple(checks),
    )


def _keys(connection: Connection) -> dict[int, list[Key]]:
    """The keys by their tables, without the clones that one has for each partition of its referent."""
    rows = _rows(connection, "keys")
    by_oid = {row["oid"]: row for row in rows}

    def root(row: RowMapping) -> RowMapping:
        while row["clone_of"] and row["clone_of"] in by_oid:
            row = by_oid[row["clone_of"]]
        return row

    names: dict[int, set[str]] = defaultdict(set)
    silent: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        names[root(row)["oid"]].add(row["name"])
        silent[root(row)["oid"]] += row["silent"]
    found: dict[int, list[Key]] = defaultdict(list)
    for row in rows:
        origin = by_oid.get(row["clone_of"])
        if origin is not None and origin["relation"] == row["relation"]:
            continue
        found[row["relation"]].append(
            Key(
                row["oid"],
                row["name"],
                row["schema"],
                row["relation"],
                row["parent"],
                tuple(zip(row["columns"], row["referred"], strict=True)),
                Action(ACTION_RULES[row["rule"]], tuple(row["set_columns"])),
                row["is_full"],
                row["deferred"],
                row["validated"],
                row["enforced"],
                row["temporal"],
                origin is not None,
                frozenset(names[root(row)["oid"]]),
                tuple(silent[root(row)["oid"]]),
            )
        )
    return found
