"""What a revision does to rows, in plain Python: the model that random databases are compared with.

It knows the operations that a revision calls, the keys that stand at each moment, and what each rule says; it knows
nothing of SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

Row = dict[str, Any]


class Refused(Exception):  # noqa: N818 - it is what happens
    """The upgrade is refused with an error of this name."""


@dataclass(frozen=True)
class Key:
    """A key as far as it matters for rows."""

    source: str
    parent: str
    pairs: tuple[tuple[str, str], ...]
    rule: str = "NO ACTION"
    cleared: tuple[str, ...] = ()
    full: bool = False
    valid: bool = True
    name: str = ""

    @property
    def identity(self) -> tuple[str, str, frozenset[tuple[str, str]]]:
        return (self.source, self.parent, frozenset(self.pairs))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that SET NULL and SET DEFAULT clear."""
        return self.cleared or tuple(local for local, _ in self.pairs)

    def refers(self, child: Row, parent: Row) -> bool:
        return all(child[local] is not None and child[local] == parent[remote] for local, remote in self.pairs)


@dataclass
class Change:
    """A row that loses values, and for each column whether its default comes in place."""

    table: str
    row: Row
    columns: dict[str, bool]


@dataclass
class Fates:
    """What is to become of rows, by their identity in Python."""

    removed: dict[int, Row] = field(default_factory=dict)
    changed: dict[int, Change] = field(default_factory=dict)

    def take(self, key: Key, row: Row) -> None:
        """Let the key's rule act on a row whose parent goes."""
        if id(row) in self.removed:
            return
        if key.rule == "CASCADE":
            self.removed[id(row)] = row
            self.changed.pop(id(row), None)
        elif key.rule in {"SET NULL", "SET DEFAULT"}:
            change = self.changed.setdefault(id(row), Change(key.source, row, {}))
            for column in key.columns:
                change.columns[column] = change.columns.get(column, True) and key.rule == "SET DEFAULT"

    def lets_go(self, key: Key, row: Row) -> bool:
        """Whether a row goes, or a value by which it refers through the key."""
        local = {column for column, _ in key.pairs}
        return id(row) in self.removed or (id(row) in self.changed and bool(local & set(self.changed[id(row)].columns)))


class Recorder:
    """Stands for ``op`` while a revision's function runs, and keeps what it calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    @staticmethod
    def f(name: str) -> str:
        return name

    @staticmethod
    def get_context() -> Any:
        return SimpleNamespace(autocommit_block=nullcontext)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **keywords: self.calls.append((name, arguments, keywords))


def calls_of(revision_text: str) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """The operations that the revision's ``upgrade`` calls, in their order."""
    recorder = Recorder()
    namespace: dict[str, Any] = {}
    exec(compile(revision_text, "revision", "exec"), namespace)
    namespace["op"] = recorder
    namespace["upgrade"]()
    return recorder.calls


@dataclass
class Model:
    """Rows by table, the keys that stand, and the defaults of columns by table."""

    rows: dict[str, list[Row]]
    keys: list[Key]
    defaults: dict[str, Row]

    def upgrade(self, revision_text: str) -> None:
        """Do what the revision does.

        Errors: :exc:`Refused` with the name of the error.
        """
        for name, arguments, keywords in calls_of(revision_text):
            method = getattr(self, f"_{name}", None)
            if method is not None:
                method(*arguments, **keywords)

    def _create_table(self, name: str, *_items: Any, schema: str | None = None, **_more: Any) -> None:
        self.rows[_full(name, schema)] = []

    def _drop_constraint(self, name: str, table: str, *, schema: str | None = None, **_more: Any) -> None:
        full = _full(table, schema)
        self.keys = [key for key in self.keys if (key.source, key.name) != (full, name)]

    def _drop_foreign_key(
        self,
        name: str,
        source: str,
        _parent: str,
        _local: Any,
        _remote: Any,
        *,
        source_schema: str | None = None,
        **_more: Any,
    ) -> None:
        self._drop_constraint(name, source, schema=source_schema)

    def _drop_table(self, name: str, *, schema: str | None = None) -> None:
        full = _full(name, schema)
        self.keys = [key for key in self.keys if full not in {key.source, key.parent}]

    def _create_foreign_key(self, name: str, source: str, parent: str, local: Any, remote: Any, **more: Any) -> None:
        key = _key(source, parent, local, remote, more)
        rule, _, listed = (more.get("ondelete") or "NO ACTION").partition(" (")
        made = Key(
            key.source, key.parent, key.pairs, rule, tuple(filter(None, listed.rstrip(")").split(", "))),
            more.get("match") == "FULL", not (more.get("not_valid") or more.get("postgresql_not_valid")), name,
        )  # fmt: skip
        assert made.valid or more.get("concurrently")
        assert not made.valid or not list(self._orphans(made, None)), "the key would be refused"
        self.keys.append(made)

    _add_foreign_key = _create_foreign_key

    def _alter_foreign_key(self, name: str, source: str, parent: str, local: Any, remote: Any, **more: Any) -> None:
        existing = more.get("existing_constraint_name", name)
        self._drop_constraint(existing, source, schema=more.get("source_schema"))
        if more.get("concurrently"):
            coming = _key(source, parent, local, remote, more)
            # What stood beside it, NOT VALID.
            self.keys = [key for key in self.keys if key.identity != coming.identity or key.valid]
        if more.get("translate"):
            was = dict(more, from_cols=more["existing_remote_cols"], to_cols=remote)
            self._translate_references(source, parent, local, **was)
        self._create_foreign_key(name, source, parent, local, remote, **more)

    def _translate_references(
        self, source: str, parent: str, local: Any, *, from_cols: Any, to_cols: Any, **more: Any
    ) -> None:
        key = _key(source, parent, local, from_cols, more)
        new = dict(zip(local, to_cols, strict=True))
        for row in self.rows[key.source]:
            for found in [found for found in self.rows[key.parent] if key.refers(row, found)]:
                row.update({column: found[new[column]] for column in local})
                break

    def _orphans(self, key: Key, to_cols: Any) -> Iterator[Row]:
        """The rows that the key would refuse."""
        for row in self.rows[key.source]:
            empty = [row[local] is None for local, _ in key.pairs]
            if (key.full and any(empty) and not all(empty)) or (
                not any(empty)
                and not any(
                    key.refers(row, parent) and all(parent[column] is not None for column in to_cols or ())
                    for parent in self.rows[key.parent]
                )
            ):
                yield row

    def _clean_orphans(
        self, source: str, parent: str, local: Any, remote: Any, *, strategy: str, revision: str,
        columns: Any = None, match: str | None = None, to_cols: Any = None, check_only: bool = False, **more: Any,
    ) -> None:  # fmt: skip
        if check_only:
            given = {"strategy": strategy, "revision": revision, "columns": columns, "match": match, "to_cols": to_cols}
            deepcopy(self)._clean_orphans(source, parent, local, remote, **given, **more)
            return
        assert revision
        bare = _key(source, parent, local, remote, more)
        rule = {"quarantine": "CASCADE", "set_null": "SET NULL", "set_default": "SET DEFAULT", "fail": "NO ACTION"}
        coming = Key(bare.source, bare.parent, bare.pairs, rule[strategy], tuple(columns or ()), match == "FULL")
        standing = [key for key in self.keys if key.identity == coming.identity and key.valid]
        if to_cols is None and any(key.full or not coming.full for key in standing):
            return
        orphans = list(self._orphans(coming, to_cols))
        if not orphans:
            return
        if strategy == "fail":
            raise Refused("OrphansRemain")
        if not self.rows[coming.parent]:
            raise Refused("TooManyOrphans")
        self._settle(coming, orphans)
        if list(self._orphans(coming, to_cols)):
            raise Refused("OrphansNotSettled")

    def _settle(self, coming: Key, orphans: list[Row]) -> None:
        keys = [coming, *(key for key in self.keys if key.identity != coming.identity)]
        fates = Fates()
        for row in orphans:
            fates.take(coming, row)
        self._spread(keys, fates)
        for key in keys[1:]:
            for row in self._referring(key, fates.removed):
                if key.rule in {"NO ACTION", "RESTRICT"} and not fates.lets_go(key, row):
                    raise Refused("OrphansRemain")
        self._apply(fates)
        for key in keys[1:]:
            for row in self._orphans(key, None):
                if id(row) in fates.changed and fates.lets_go(key, row):
                    raise Refused("OrphansNotSettled")

    def _spread(self, keys: list[Key], fates: Fates) -> None:
        size = -1
        while size != len(fates.removed):
            size = len(fates.removed)
            for key in keys:
                for row in self._referring(key, fates.removed):
                    fates.take(key, row)

    def _apply(self, fates: Fates) -> None:
        for change in fates.changed.values():
            defaults = self.defaults[change.table]
            change.row.update({column: defaults.get(column) if use else None for column, use in change.columns.items()})
        for table in self.rows.values():
            table[:] = [row for row in table if id(row) not in fates.removed]

    def _referring(self, key: Key, removed: dict[int, Row]) -> list[Row]:
        gone = [row for row in self.rows[key.parent] if id(row) in removed]
        return [row for row in self.rows[key.source] if any(key.refers(row, parent) for parent in gone)]


def _full(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else name


def _key(source: str, parent: str, local: Any, remote: Any, more: dict[str, Any]) -> Key:
    return Key(
        _full(source, more.get("source_schema")),
        _full(parent, more.get("referent_schema")),
        tuple(zip(local, remote, strict=True)),
    )
