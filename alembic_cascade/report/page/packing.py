"""The page's own copy of the report: what its scripts need, with nothing said twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TABLE_FIELDS = (
    "name",
    "module",
    "model",
    "group",
    "rows",
    "rows_are_estimate",
    "orphans",
    "quarantined",
    "lifecycle",
    "in_database",
    "in_models",
    "columns",
    "findings",
)
KEY_FIELDS = (
    "id",
    "name",
    "child",
    "parent",
    "columns",
    "referred",
    "label",
    "rule",
    "enforced",
    "drift",
    "indexed",
    "nullable",
    "effect",
    "orphans",
    "rationale",
    "findings",
)
# An attribute of a diagram with more values than that is each node's or edge's own.
_SHARED = 24


def packed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Tables, keys and the diagram; the rest of the report stands in the page as HTML alone.

    Rows instead of objects, each set of attributes once: a thousand tables come to a third that way.
    """
    tables = [{**one, "columns": _columns(one["columns"])} for one in document["tables"]]
    return {
        "tables": _rows(TABLE_FIELDS, tables),
        "keys": _rows(KEY_FIELDS, document["keys"]),
        "diagram": _diagram(document["diagram"]),
        "opening": list(document["opening"]),
        # Those that the report was asked for.
        "chosen": list(document["reach"]),
    }


def _rows(fields: Sequence[str], objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"fields": list(fields), "rows": [[one.get(name) for name in fields] for one in objects]}


def _columns(columns: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    return [[one["name"], one["type"], int(one["nullable"]), int(one["primary_key"])] for one in columns]


def _diagram(diagram: Mapping[str, Any]) -> dict[str, Any]:
    shared: dict[tuple[tuple[str, Any], ...], int] = {}
    own_of_nodes, own_of_edges = _own(diagram["nodes"]), _own(diagram["edges"])
    nodes = [[one["id"], *_split(one["attributes"], own_of_nodes, shared)] for one in diagram["nodes"]]
    edges = [
        [one["tail"], one["head"], one["key"], *_split(one["attributes"], own_of_edges, shared)]
        for one in diagram["edges"]
    ]
    return {
        "graph": diagram["graph"],
        "node": diagram["node"],
        "edge": diagram["edge"],
        "attributes": [dict(one) for one in shared],
        "nodes": nodes,
        "edges": edges,
    }


def _own(parts: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The attributes that differ from part to part."""
    values: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for part in parts:
        for name, value in part["attributes"].items():
            values[name][str(value)] += 1
    return frozenset(name for name, seen in values.items() if len(seen) > _SHARED)


def _split(
    attributes: Mapping[str, Any], own: frozenset[str], shared: dict[tuple[tuple[str, Any], ...], int]
) -> tuple[int, dict[str, Any]]:
    """The number of the set of shared attributes, and what is the part's own."""
    common = tuple((name, value) for name, value in attributes.items() if name not in own)
    number = shared.setdefault(common, len(shared))
    return number, {name: value for name, value in attributes.items() if name in own}
