"""The diagram for Graphviz: the attributes of nodes and edges, decided once, and the text in the language DOT.

https://graphviz.org/doc/info/lang.html and https://graphviz.org/doc/info/attrs.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from alembic_cascade.escaping import printable
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.diagram import Diagram, Edge, Node
from alembic_cascade.report.styles import DIRECTION, DRIFT_MEANING, NO_INDEX_MEANING, STYLES

FONT = "Helvetica,Arial,sans-serif"

GRAPH: Mapping[str, str] = {
    "rankdir": "LR",
    "bgcolor": "transparent",
    "fontname": FONT,
    "fontsize": "12",
    "nodesep": "0.3",
    "ranksep": "0.8",
}
# Else the layout of hundreds of tables that refer to each other at random takes minutes.
BIG_GRAPH: Mapping[str, str] = {"nslimit": "0.2", "nslimit1": "0.2", "mclimit": "0.1", "splines": "line"}
# For twopi, which sets what hangs on one table around it: https://graphviz.org/docs/layouts/twopi/
STAR: Mapping[str, str] = {"overlap": "vpsc", "splines": "line"}
NODE: Mapping[str, str] = {
    "shape": "box",
    "style": "rounded,filled",
    "color": "#757a80",
    "fillcolor": "#ffffff",
    "fontcolor": "#1f2328",
    "fontname": FONT,
    "fontsize": "12",
    "margin": "0.14,0.07",
}
EDGE: Mapping[str, str] = {"fontname": FONT, "fontsize": "10", "fontcolor": "#57606a", "arrowsize": "0.8"}

FILLS: Mapping[str, tuple[str, str]] = {
    "deleted": ("#fde0dd", "#d32f2f"),
    "nulled": ("#dbe8fd", "#3f7de0"),
    "defaulted": ("#d5f0ec", "#0b8a7d"),
    "refused": ("#e8eaed", "#57606a"),
}


def graph_attributes(diagram: Diagram) -> dict[str, str]:
    """Those of the whole."""
    return {**GRAPH, **(BIG_GRAPH if diagram.is_big else {})}


def star_attributes(diagram: Diagram) -> dict[str, str]:
    """Those of the whole where it is laid out around one table, with room for all on one circle."""
    return {**STAR, "ranksep": f"{max(3, len(diagram.nodes) / 10):g}"}


def node_attributes(node: Node) -> dict[str, str]:
    """What is not as in :data:`NODE`; each text is one in which Graphviz reads escapes."""
    classes = ["table"]
    found = {"id": f"table-{node.number}", "label": r"\n".join(map(escaped, node.lines))}
    if node.severity is not None:
        classes.append(f"has-{node.severity}")
    if node.chosen:
        classes.append("chosen")
        found |= {"fillcolor": "#b3261e", "color": "#b3261e", "fontcolor": "#ffffff", "penwidth": "2"}
    elif node.reached is not None:
        classes.append(f"reach-{node.reached}")
        fill, colour = FILLS[node.reached]
        found |= {"fillcolor": fill, "color": colour}
    return {**found, "class": " ".join(classes)}


def edge_attributes(diagram: Diagram, edge: Edge) -> dict[str, str]:
    """What is not as in :data:`EDGE`."""
    style = STYLES[edge.rule]
    marks = (("drift", edge.drift), ("unindexed", edge.unindexed), ("reached", edge.reached))
    classes = " ".join([f"rule-{style.name}", *(name for name, is_so in marks if is_so)])
    found = {
        "id": f"key-{edge.key}",
        "class": classes,
        "color": style.colour,
        "style": style.line,
        "penwidth": f"{style.width:g}",
        "arrowhead": style.arrow,
    }
    words = diagram.words(edge)
    return {**found, "label": f" {escaped(words)} "} if words else found


def escaped(text: str) -> str:
    """``text`` as Graphviz shows it: no escape, no entity of HTML, nothing that a drawing can't hold is left in it.

    https://graphviz.org/docs/attr-types/escString/
    """
    return printable(text).replace("\\", "\\\\").replace("&", "&amp;")


def dot_text(diagram: Diagram, *, legend: bool = True) -> str:
    """The whole in the language DOT, with the legend."""
    ids = _ids(diagram)
    lines = [
        "digraph report {",
        f"  graph {_listed(graph_attributes(diagram))};",
        f"  node {_listed(NODE)};",
        f"  edge {_listed(EDGE)};",
        *_nodes(diagram, ids),
        *(
            f"  {ids[edge.parent]} -> {ids[edge.child]} {_listed(edge_attributes(diagram, edge))};"
            for edge in diagram.edges
        ),
        *(_legend(diagram) if legend else ()),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _ids(diagram: Diagram) -> dict[TableName, str]:
    """What the tables are called in the text: by their names, or all by numbers where one of these is no plain name."""
    names = {node.table: node.id for node in diagram.nodes}
    plain = all(name.isprintable() and "\\" not in name and not name.startswith(" ") for name in names.values())
    if plain and len(set(names.values())) == len(names):
        return {table: _quoted(name) for table, name in names.items()}
    return {node.table: f"t{node.number}" for node in diagram.nodes}


def _nodes(diagram: Diagram, ids: Mapping[TableName, str]) -> Iterator[str]:
    for number, group in enumerate(diagram.groups):
        label = {"label": escaped(group), "color": "#c4c7cc", "style": "rounded", "class": "group"}
        yield f"  subgraph {_quoted(f'cluster_{number}')} {{"
        yield f"    graph {_listed(label)};"
        yield from (f"    {_node(node, ids)}" for node in diagram.nodes if node.group == group)
        yield "  }"
    if not diagram.groups:
        yield from (f"  {_node(node, ids)}" for node in diagram.nodes)


def _node(node: Node, ids: Mapping[TableName, str]) -> str:
    return f"{ids[node.table]} {_listed(node_attributes(node))};"


def _legend(diagram: Diagram) -> Iterator[str]:
    """A line of each rule that is there; its nodes begin with a space, as no table does that is called by its name."""
    plain = {"shape": "plaintext", "style": "", "margin": "0.05", "height": "0.25", "fontsize": "10", "class": "legend"}
    start_of_line = {**plain, "label": "", "width": "0.02"}
    frame = {"label": DIRECTION, "fontsize": "10", "color": "#c4c7cc", "style": "rounded", "class": "legend"}
    yield '  subgraph "cluster_legend" {'
    yield f"    graph {_listed(frame)};"
    for rule in (rule for rule in STYLES if rule in diagram.rules):
        style = STYLES[rule]
        start, end = (_quoted(f" {place} {rule}") for place in ("from", "to"))
        line = {
            "color": style.colour,
            "style": style.line,
            "penwidth": f"{style.width:g}",
            "arrowhead": style.arrow,
            "class": f"legend rule-{style.name}",
        }
        yield f"    {start} {_listed(start_of_line)};"
        yield f"    {end} {_listed({**plain, 'label': f'{rule}: {style.meaning}'})};"
        yield f"    {start} -> {end} {_listed(line)};"
    for name, said in _marks(diagram):
        yield f"    {_quoted(f' mark {name}')} {_listed({**plain, 'label': said})};"
    yield "  }"


def _marks(diagram: Diagram) -> Sequence[tuple[str, str]]:
    marks = (
        ("drift", DRIFT_MEANING, any(edge.drift for edge in diagram.edges)),
        ("unindexed", NO_INDEX_MEANING, any(edge.unindexed for edge in diagram.edges)),
    )
    return [(name, said) for name, said, is_there in marks if is_there]


def _listed(attributes: Mapping[str, str]) -> str:
    return f"[{', '.join(f'{name}={_quoted(value)}' for name, value in attributes.items())}]"


def _quoted(text: str) -> str:
    """A string of DOT, in which a quotation mark alone is escaped; what has backslashes has each of them twice."""
    return f'"{text}"' if '"' not in text else '"{}"'.format(text.replace('"', '\\"'))
