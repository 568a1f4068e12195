"""The diagram as facts: tables as nodes, keys as edges from parent to child, which is the way that a delete goes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.report import Report, ReportedKey, ReportedTable

# Up to here a person looks at all of it; beyond, edges have no names, and pages open on a part.
COMFORTABLE = 60
# From here on, what hangs on one table stands around it: below each other it would be a ribbon.
CROWD = 24

DRIFT, NO_INDEX = "≠", "no index"

# What is told first of a table that several keys reach.
EFFECTS = ("deleted", "refused", "nulled", "defaulted")


@dataclass(frozen=True)
class Node:
    """A table; ``number`` is its place in the report, ``reached`` what a delete of the chosen tables does to it."""

    number: int
    table: TableName
    group: str
    lines: tuple[str, ...]
    chosen: bool = False
    reached: str | None = None
    severity: str | None = None

    @property
    def id(self) -> str:
        return str(self.table)


@dataclass(frozen=True)
class Edge:
    """A key; ``drift`` and ``unindexed`` are marked, ``reached`` is whether a delete of the chosen tables comes by."""

    key: int
    parent: TableName
    child: TableName
    rule: str
    columns: str
    drift: bool = False
    unindexed: bool = False
    reached: bool = False

    @property
    def marks(self) -> str:
        return " ".join([*([DRIFT] if self.drift else []), *([NO_INDEX] if self.unindexed else [])])


@dataclass(frozen=True)
class Diagram:
    """What is drawn; ``groups`` are those of the tables where there are several."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[str, ...] = ()

    @property
    def is_big(self) -> bool:
        """Whether it is more than a person looks at: edges then have marks, but no names."""
        return len(self.nodes) > COMFORTABLE

    @property
    def rules(self) -> tuple[str, ...]:
        """Those that are there."""
        return tuple(sorted({edge.rule for edge in self.edges}))

    @property
    def is_star(self) -> bool:
        """Whether most tables, and many, have keys with one other table alone, the same for all."""
        neighbours = ((table, set(others) - {table}) for table, others in adjacent(self.edges).items())
        centres = Counter(other for _, others in neighbours if len(others) == 1 for other in others)
        return not self.groups and max(centres.values(), default=0) >= max(CROWD, len(self.nodes) / 2)

    def words(self, edge: Edge) -> str:
        """What stands at an edge."""
        return " ".join(filter(None, ("" if self.is_big else edge.columns, edge.marks)))

    def part(self, tables: Collection[TableName]) -> Diagram:
        """These tables, and the keys between them."""
        nodes = tuple(node for node in self.nodes if node.table in tables)
        edges = tuple(edge for edge in self.edges if edge.parent in tables and edge.child in tables)
        return Diagram(nodes, edges, _groups(nodes))


def diagram_of(report: Report) -> Diagram:
    """All tables and keys of the report, with the reach of deletes in the tables that were asked for."""
    effects: dict[TableName, str] = {}
    for one in (one for reached in report.reach.values() for one in reached):
        known = effects.get(one.table, one.effect)
        effects[one.table] = min(known, one.effect, key=EFFECTS.index)
    by_key = {one.key for reached in report.reach.values() for one in reached}
    nodes = tuple(
        Node(
            number,
            table.name,
            table.group,
            _lines(table),
            chosen=table.name in report.reach,
            reached=None if table.name in report.reach else effects.get(table.name),
            severity=_worst(report, table),
        )
        for number, table in enumerate(report.tables)
    )
    edges = tuple(_edge(key, reached=key.id in by_key) for key in report.keys)
    return Diagram(nodes, edges, _groups(nodes))


def _groups(nodes: Iterable[Node]) -> tuple[str, ...]:
    found = sorted({node.group for node in nodes})
    return tuple(found) if len(found) > 1 else ()


def _edge(key: ReportedKey, *, reached: bool) -> Edge:
    return Edge(
        key.id,
        key.parent,
        key.child,
        key.rule,
        ", ".join(key.key.local_columns),
        drift=key.drift is not None,
        unindexed=not key.indexed,
        reached=reached,
    )


def _lines(table: ReportedTable) -> tuple[str, ...]:
    """The name, and below it what is known of its rows."""
    told = [] if table.rows is None else [f"about {table.rows:,} rows" if table.rows != 1 else "about 1 row"]
    told += [f"{table.orphans:,} orphans" if table.orphans != 1 else "1 orphan"] if table.orphans else []
    told += [f"{table.quarantined:,} in quarantine"] if table.quarantined else []
    return (str(table.name), *([", ".join(told)] if told else []))


def _worst(report: Report, table: ReportedTable) -> str | None:
    severities = [report.findings[number].severity for number in table.findings]
    return min(severities, key=lambda severity: severity.rank).value if severities else None


def opening(report: Report) -> frozenset[TableName]:
    """The tables that a page opens on: all where they are few, else a neighbourhood of at most as many.

    Of the tables that were asked for, else of those that the revisions change, else of the one with the most keys.
    """
    if len(report.tables) <= COMFORTABLE:
        return frozenset(table.name for table in report.tables)
    known = {table.name for table in report.tables}
    starts = [*report.reach] or list(dict.fromkeys(change.table for change in report.changes if change.table in known))
    return frozenset(_near(report.keys, starts or _busiest(report.keys), COMFORTABLE))


def _busiest(keys: Iterable[ReportedKey]) -> list[TableName]:
    counts: dict[TableName, int] = {}
    for key in keys:
        counts[key.parent] = counts.get(key.parent, 0) + 1
    most = max(counts.values(), default=0)
    return sorted((table for table, count in counts.items() if count == most), key=lambda name: name.sort_key)[:1]


def _near(keys: Iterable[ReportedKey], starts: Iterable[TableName], limit: int) -> list[TableName]:
    """The first tables that are reached from ``starts`` along keys, in whichever direction, the nearest first."""
    neighbours = adjacent(keys)
    pending = deque(dict.fromkeys(starts))
    seen = dict.fromkeys(pending)
    while pending:
        for other in neighbours.get(pending.popleft(), ()):
            if other not in seen:
                seen[other] = None
                pending.append(other)
    return list(seen)[:limit]


def adjacent(keys: Iterable[ReportedKey | Edge]) -> dict[TableName, list[TableName]]:
    """The tables at the other ends of each table's keys, by name."""
    found: dict[TableName, set[TableName]] = {}
    for key in keys:
        found.setdefault(key.parent, set()).add(key.child)
        found.setdefault(key.child, set()).add(key.parent)
    return {table: sorted(others, key=lambda name: name.sort_key) for table, others in found.items()}
