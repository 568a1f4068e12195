"""Random schemas and random drift of their foreign keys, with data that is clean before and after."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Computed,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

SCHEMA = "other"
ROWS = 3
ACTIONS = (None, "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")
SETTLING_ACTIONS = (None, *("CASCADE", "SET NULL", "SET DEFAULT", "CASCADE", "SET NULL") * 2)
DEFERRABILITIES: tuple[tuple[bool | None, str | None], ...] = ((None, None), (True, None), (True, "DEFERRED"))

# The columns that a key can stand on, and the kinds of referents that it can have.
SLOTS: dict[str, tuple[str, ...]] = {"r0": ("r0",), "r1": ("r1",), "pair": ("x", "y")}
REFERENTS: dict[str, tuple[str, ...]] = {"id": ("id",), "code": ("code",), "pair": ("a", "b")}


@dataclass(frozen=True)
class TableSpec:
    """A table: whether it has a primary key, partitions and triggers of the user's, and on which side it exists.

    ``default`` is that of the column ``r0``.
    """

    name: str
    schema: str | None = None
    keyless: bool = False
    partitioned: bool = False
    triggered: bool = False
    default: int | None = None
    before: bool = True
    after: bool = True

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def referents(self) -> list[str]:
        if self.partitioned:
            return ["id"]
        return ["code", "pair"] if self.keyless else ["id", "code", "pair"]


@dataclass(frozen=True)
class KeySpec:
    """A foreign key from a slot of one table to a key of another."""

    source: TableSpec
    slot: str
    parent: TableSpec
    referent: str
    ondelete: str | None = None
    onupdate: str | None = None
    deferrable: bool | None = None
    initially: str | None = None
    match: str | None = None
    name: str | None = None
    reordered: bool = False

    @property
    def pairs(self) -> list[tuple[str, str]]:
        pairs = list(zip(SLOTS[self.slot], REFERENTS[self.referent], strict=True))
        return pairs[::-1] if self.reordered else pairs

    @property
    def place(self) -> tuple[TableSpec, str]:
        return (self.source, self.slot)

    def constraint(self) -> ForeignKeyConstraint:
        return ForeignKeyConstraint(
            [local for local, _ in self.pairs],
            [f"{self.parent.full_name}.{remote}" for _, remote in self.pairs],
            name=self.name,
            ondelete=self.ondelete,
            onupdate=self.onupdate,
            deferrable=self.deferrable,
            initially=self.initially,
            match=self.match,
        )


@dataclass(frozen=True)
class Drift:
    """Tables, their keys before and after, and what the database has that no model can say."""

    tables: tuple[TableSpec, ...]
    before: tuple[KeySpec, ...]
    after: tuple[KeySpec, ...]
    not_valid: frozenset[tuple[TableSpec, str]] = frozenset()
    doubled: dict[tuple[TableSpec, str], str | None] = field(default_factory=dict)
    nulls: frozenset[int] = frozenset()
    scripted: bool = False
    dirt: dict[tuple[TableSpec, str, int], str] = field(default_factory=dict)

    def metadata(self, side: str) -> MetaData:
        """The models of one side, ``"before"`` or ``"after"``."""
        metadata = MetaData()
        for spec in self.tables:
            if getattr(spec, side):
                keys = [key.constraint() for key in getattr(self, side) if key.source == spec]
                _declare(spec, metadata, keys)
        return metadata

    def statements(self) -> list[str]:
        """What makes the database after ``create_all`` of the models before: partitions, data, spare and loose keys."""
        partitions = [
            f"CREATE TABLE {spec.full_name}_part PARTITION OF {spec.full_name} FOR VALUES FROM (MINVALUE) TO (MAXVALUE)"
            for spec in self.tables
            if spec.partitioned and spec.before
        ]
        triggers = [
            statement.format(table=spec.full_name, name=spec.name)
            for spec in self.tables
            if spec.triggered and spec.before
            for statement in _TRIGGERS
        ]
        return [*partitions, *self._loose_keys(), *self._spare_keys(), *self._inserts(), *triggers]

    def _loose_keys(self) -> list[str]:
        return [
            statement
            for key in self.before
            if key.place in self.not_valid
            for statement in (
                f"ALTER TABLE {key.source.full_name} DROP CONSTRAINT {database_name(key)}",
                f"ALTER TABLE {key.source.full_name} ADD CONSTRAINT {database_name(key)} {_clause(key)} NOT VALID",
            )
        ]

    def _spare_keys(self) -> list[str]:
        return [
            f"ALTER TABLE {key.source.full_name} ADD CONSTRAINT spare_{key.slot} "
            f"{_clause(replace(key, ondelete=self.doubled[key.place]))}"
            for key in self.before
            if key.place in self.doubled
        ]

    def _inserts(self) -> list[str]:
        statements = ["SET session_replication_role = replica"]
        for spec in self.tables:
            if spec.before and spec.after:
                statements.extend(self._insert(spec, number) for number in range(ROWS))
        return [*statements, "SET session_replication_role = origin"]

    def _insert(self, spec: TableSpec, number: int) -> str:
        values = self.row(spec, number)
        written = ", ".join("NULL" if value is None else str(value) for value in values.values())
        return f"INSERT INTO {spec.full_name} ({', '.join(values)}) VALUES ({written})"

    def row(self, spec: TableSpec, number: int) -> dict[str, int | None]:
        """One row of a table that is there before and after."""
        values: dict[str, int | None] = {"id": number, "code": 10 + number, "a": number, "b": 100 + number}
        for place, (slot, columns) in enumerate(SLOTS.items()):
            key = next((key for key in (*self.before, *self.after) if key.place == (spec, slot)), None)
            empty = any(
                key.place == (spec, slot) and not (key.parent.before and key.parent.after)
                for key in (*self.before, *self.after)
            )
            target = (number + place) % ROWS
            referred = {"id": (target,), "code": (10 + target,), "pair": (target, 100 + target)}
            given: Any = referred[key.referent] if key else (target,) * len(columns)
            if empty or (number + place) % 5 in self.nulls:
                given = (None,) * len(columns)
            match self.dirt.get((spec, slot, number)):
                case "gone":
                    given = tuple(range(70 + number, 70 + number + len(columns)))
                case "partial":
                    given = (None, *given[1:]) if len(columns) > 1 else given
            values.update(zip(columns, given, strict=True))
        return values

    @property
    def data_tables(self) -> list[str]:
        return [spec.full_name for spec in self.tables if spec.before and spec.after]

    def classes(self) -> set[str]:
        """Which of the kinds of schemas and changes that must not be forgotten it belongs to."""
        before = {key.place: key for key in self.before}
        after = {key.place: key for key in self.after}
        found = {f"ON DELETE {key.ondelete}" for key in self.after} | {
            f"initially {key.initially}" for key in self.after
        }
        found |= {f"deferrable {key.deferrable}" for key in self.after}
        keys = (*self.before, *self.after)
        kinds = {
            "composite": any(key.slot == "pair" for key in keys),
            "self-referencing": any(key.source == key.parent for key in keys),
            "cyclic": any(
                key.source != key.parent and other.source == key.parent and other.parent == key.source
                for side in (self.before, self.after)
                for key in side
                for other in side
            ),
            "doubled": bool(self.doubled),
            "not valid": bool(self.not_valid),
            "partitioned child": any(key.source.partitioned for key in keys),
            "partitioned parent": any(key.parent.partitioned for key in keys),
            "two schemas": any(key.source.schema != key.parent.schema for key in keys),
            "keyless": any(key.source.keyless for key in keys),
            "new table": any(not spec.before for spec in self.tables),
            "dropped table": any(not spec.after for spec in self.tables),
            "added": bool(after.keys() - before.keys()),
            "removed": bool(before.keys() - after.keys()),
            "repointed": any(place in after and after[place].parent != key.parent for place, key in before.items()),
            "repointed within parent": any(
                place in after and after[place].parent == key.parent and after[place].referent != key.referent
                for place, key in before.items()
            ),
            "scripted": self.scripted,
            "dirty": bool(self.dirt),
            "dirty self-reference": any(
                key.source == key.parent and key.place == (spec, slot) for spec, slot, _ in self.dirt for key in keys
            ),
            "triggered": any(spec.triggered for spec in self.tables),
            "default": any(spec.default is not None for spec in self.tables),
            "no drift": not self.doubled and not self.not_valid and set(self.before) == set(self.after),
        }
        return found | {kind for kind, present in kinds.items() if present}


def database_name(key: KeySpec) -> str:
    """The name that the key has in the database."""
    return key.name or f"{key.source.name}_{'_'.join(local for local, _ in key.pairs)}_fkey"


def _clause(key: KeySpec) -> str:
    local, remote = zip(*key.pairs, strict=True)
    parts = [f"FOREIGN KEY ({', '.join(local)}) REFERENCES {key.parent.full_name} ({', '.join(remote)})"]
    parts += [f"MATCH {key.match}"] if key.match else []
    parts += [f"ON DELETE {key.ondelete}"] if key.ondelete else []
    parts += [f"ON UPDATE {key.onupdate}"] if key.onupdate else []
    parts += ["DEFERRABLE"] if key.deferrable else []
    parts += [f"INITIALLY {key.initially}"] if key.initially else []
    return " ".join(parts)


def _declare(spec: TableSpec, metadata: MetaData, keys: list[ForeignKeyConstraint]) -> None:
    names = ["id", "code", "a", "b", *(column for columns in SLOTS.values() for column in columns)]
    constraints: list[Any] = list(keys)
    if not spec.keyless:
        constraints.append(PrimaryKeyConstraint("id", name=f"{spec.name}_pkey"))
    if not spec.partitioned:
        constraints.append(UniqueConstraint("code", name=f"{spec.name}_code"))
        constraints.append(UniqueConstraint("a", "b", name=f"{spec.name}_pair"))
    options = {"postgresql_partition_by": "RANGE (id)"} if spec.partitioned else {}
    defaults = {} if spec.default is None else {"r0": str(spec.default)}
    columns = [
        Column(
            name,
            Integer,
            nullable=name != "id" or spec.keyless,
            autoincrement=False,
            server_default=defaults.get(name),
        )
        for name in names
    ]
    if not spec.partitioned:
        columns.append(Column("sum", Integer, Computed("a + r0", persisted=True)))
    if spec.triggered:
        columns.append(Column("touched", Integer))
    Table(spec.name, metadata, *columns, *constraints, schema=spec.schema, **options)


# One that changes the row itself, one that sees what is deleted; in a state that DISABLE and ENABLE would lose.
_TRIGGERS = (
    "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN NEW.touched := coalesce(NEW.touched, 0) + 1; RETURN NEW; END $$",
    "CREATE OR REPLACE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE NOTICE 'deleted'; RETURN NULL; END $$",
    "CREATE TRIGGER {name}_touch BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch()",
    "CREATE TRIGGER {name}_look AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION look()",
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}_look",
)


@st.composite
def table_specs(draw: st.DrawFn, *, dirty: bool = False) -> tuple[TableSpec, ...]:
    """Two to four tables; at least two are there before and after."""
    count = draw(st.sampled_from([2, 3, 4, 4]))
    specs = []
    for number in range(count):
        kind = draw(st.sampled_from(["plain", "keyless", "partitioned", "plain"]))
        side = draw(st.sampled_from(["both", "both", "new", "dropped"])) if number > 1 else "both"
        specs.append(
            TableSpec(
                name=f"t{number}",
                schema=draw(st.sampled_from([None, None, SCHEMA])),
                keyless=kind == "keyless",
                # A partitioned table can't be written by Alembic with its partitions, so that it stays.
                partitioned=kind == "partitioned" and side == "both",
                triggered=dirty and side == "both" and draw(st.booleans()),
                default=draw(st.sampled_from([None, None, 1, 11])) if dirty else None,
                before=side != "new",
                after=side != "dropped",
            )
        )
    return tuple(specs)


@st.composite
def keys(
    draw: st.DrawFn, source: TableSpec, slot: str, parents: list[TableSpec], kinds: list[str], *, dirty: bool
) -> KeySpec | None:
    """A key on the slot, None where no parent has a key of the right width."""
    wide = len(SLOTS[slot])
    targets = [
        (parent, kind)
        for parent in parents
        for kind in parent.referents
        if kind in kinds and len(REFERENTS[kind]) == wide
    ]
    if not targets:
        return None
    parent, kind = draw(st.sampled_from(targets))
    key = KeySpec(source, slot, parent, kind, reordered=wide > 1 and draw(st.booleans()))
    return draw(rules(key, dirty=dirty))


@st.composite
def rules(draw: st.DrawFn, key: KeySpec, *, dirty: bool) -> KeySpec:
    """``key`` with another rule, where there are orphans rather one that settles them."""
    ondelete = draw(st.sampled_from(SETTLING_ACTIONS if dirty else ACTIONS))
    if ondelete in {"SET NULL", "SET DEFAULT"} and draw(st.booleans()):
        ondelete = f"{ondelete} ({SLOTS[key.slot][0]})"
    deferrable, initially = draw(st.sampled_from(DEFERRABILITIES))
    return replace(
        key,
        ondelete=ondelete,
        onupdate=draw(st.sampled_from(ACTIONS)),
        deferrable=deferrable,
        initially=initially,
        match=draw(st.sampled_from([None, None, None, "FULL"])),
        name=draw(st.sampled_from([None, None, f"fk_{key.source.name}_{key.slot}", f"key_{key.slot}"])),
    )


@st.composite
def drifts(draw: st.DrawFn, *, dirty: bool = False) -> Drift:
    """A schema, and what becomes of each of its keys; ``dirty`` puts orphans where no valid key keeps them out."""
    tables = draw(table_specs(dirty=dirty))
    before: list[KeySpec] = []
    after: list[KeySpec] = []
    still = draw(st.sampled_from([False] * 9 + [True])) and all(spec.before and spec.after for spec in tables)
    for source in tables:
        for slot in SLOTS:
            if draw(st.integers(0, 3)):
                was, becomes = draw(_fates(source, slot, tables, still=still, dirty=dirty))
                before += [was] if was else []
                after += [becomes] if becomes else []
    loose = [key for key in before if not key.source.partitioned]
    not_valid = {key.place for key in loose if not still and draw(st.integers(0, 2 if dirty else 9)) == 0}
    doubled = {
        key.place: draw(st.sampled_from([None, "CASCADE"]))
        for key in before
        if not still and draw(st.integers(0, 7)) == 0 and not (dirty and key.place in not_valid)
    }
    nulls = draw(st.frozensets(st.integers(0, 4), max_size=2))
    drift = Drift(tables, tuple(before), tuple(after), frozenset(not_valid), doubled, nulls, draw(st.booleans()))
    return replace(drift, dirt=draw(_dirt(drift))) if dirty else drift


@st.composite
def _dirt(draw: st.DrawFn, drift: Drift) -> dict[tuple[TableSpec, str, int], str]:
    """Which references have no parent, or only a part of one: on slots that no valid key keeps clean."""
    held = {key.place for key in drift.before} - drift.not_valid
    places = [
        (spec, slot, number)
        for spec in drift.tables
        if spec.before and spec.after
        for slot in SLOTS
        if (spec, slot) not in held
        for number in range(ROWS)
    ]
    return {
        place: draw(st.sampled_from(["gone", "gone", "gone", "partial"]))
        for place in places
        if draw(st.integers(0, 2)) == 0
    }


@st.composite
def _fates(
    draw: st.DrawFn, source: TableSpec, slot: str, tables: tuple[TableSpec, ...], *, still: bool, dirty: bool
) -> tuple[KeySpec | None, KeySpec | None]:
    """The key on a slot before and after."""
    early = [spec for spec in tables if spec.before]
    late = [spec for spec in tables if spec.after]
    every = list(REFERENTS)
    if not source.before:
        return None, draw(keys(source, slot, late, every, dirty=dirty))
    if not source.after:
        return draw(keys(source, slot, early, every, dirty=dirty)), None
    fate = (
        "kept"
        if still
        else draw(st.sampled_from(["kept", "rule", "added", "removed", "repointed", "within", "rule", "within"]))
    )
    if fate == "added" or (dirty and not still and draw(st.booleans())):
        return None, draw(keys(source, slot, late, every, dirty=dirty))
    was = draw(keys(source, slot, early, every, dirty=dirty))
    if was is None or fate == "removed":
        return was, None
    if fate == "repointed" or not was.parent.after:
        # Values that mean a row of one parent must mean one of the other, too.
        return was, draw(keys(source, slot, late, [was.referent], dirty=dirty))
    if fate == "within" and was.slot != "pair":
        others = [kind for kind in was.parent.referents if kind in {"id", "code"} and kind != was.referent]
        return was, replace(was, referent=others[0]) if others else was
    return was, draw(rules(was, dirty=dirty)) if fate == "rule" else was
