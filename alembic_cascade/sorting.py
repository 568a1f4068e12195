"""A graph's nodes, referents before those that refer to them, cycles included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node")


def ranks(graph: Mapping[Node, Iterable[Node]]) -> dict[Node, int]:
    """The place of each node after the nodes that it refers to.

    Nodes are visited in the order of the mapping, referents in their order. Where the graph has a cycle,
    the reference that closes it is the one whose referent has the higher rank.
    """
    placed: dict[Node, int] = {}
    entered: set[Node] = set()
    for start in graph:
        # A stack instead of recursion: a chain of a thousand tables is deeper than Python's limit.
        stack = [] if start in entered else [(start, iter(graph[start]))]
        entered.add(start)
        while stack:
            node, referents = stack[-1]
            following = next((referent for referent in referents if referent not in entered), None)
            if following is None:
                placed[node] = len(placed)
                stack.pop()
            else:
                entered.add(following)
                stack.append((following, iter(graph.get(following, ()))))
    return placed
