"""The diagram in the language Mermaid, which GitHub and others draw: https://mermaid.js.org/syntax/flowchart.html ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alembic_cascade.escaping import printable
from alembic_cascade.report.diagram import Diagram, Edge, Node
from alembic_cascade.report.styles import DIRECTION, DRIFT_MEANING, NO_INDEX_MEANING, STYLES

# More is not drawn: https://mermaid.js.org/config/schema-docs/config.html , maxEdges and maxTextSize.
MOST_EDGES = 500
LONGEST_TEXT = 50_000

# What a text between quotation marks may hold as it is; every other letter is written by its number.
PLAIN = " _-.,()≠"

FILLS = {
    "chosen": "fill:#b3261e,stroke:#b3261e,color:#ffffff",
    "deleted": "fill:#fde0dd,stroke:#d32f2f,color:#1f2328",
    "nulled": "fill:#dbe8fd,stroke:#3f7de0,color:#1f2328",
    "defaulted": "fill:#d5f0ec,stroke:#0b8a7d,color:#1f2328",
    "refused": "fill:#e8eaed,stroke:#57606a,color:#1f2328",
}


def mermaid_text(diagram: Diagram, *, legend: bool = True) -> str:
    """The whole, with the legend; :func:`too_much` says whether it is drawn."""
    ids = {node.table: f"t{node.number}" for node in diagram.nodes}
    drawn = [(edge.rule, _edge(diagram, edge, ids[edge.parent], ids[edge.child])) for edge in diagram.edges]
    told = list(_legend(diagram)) if legend else []
    lines = [
        "flowchart LR",
        *_nodes(diagram),
        *(f"  {line}" for _, line in drawn),
        *(f"  {line}" for line in _wrapped(told)),
        *(f"  {line}" for line in _link_styles([rule for rule, _ in drawn] + [rule for rule, _ in told if rule])),
        *(f"  {line}" for line in _classes(diagram)),
    ]
    return "\n".join(lines) + "\n"


def too_much(diagram: Diagram, text: str) -> str | None:
    """Why Mermaid would not draw it, and what to do; None where it would."""
    edges = len(diagram.edges) + len(diagram.rules)
    if edges > MOST_EDGES:
        said = f"there are {len(diagram.edges):,} keys, and Mermaid draws {MOST_EDGES} lines at most"
    elif len(text) > LONGEST_TEXT:
        said = f"its text has {len(text):,} letters, and Mermaid takes {LONGEST_TEXT:,} at most"
    else:
        return None
    return f"{said[0].upper()}{said[1:]}. Narrow it by --table, --depth or --rule, or take --format svg or html."


def _nodes(diagram: Diagram) -> Iterator[str]:
    for number, group in enumerate(diagram.groups):
        yield f"  subgraph g{number} [{_quoted(group)}]"
        yield from (f"    {_node(node)}" for node in diagram.nodes if node.group == group)
        yield "  end"
    if not diagram.groups:
        yield from (f"  {_node(node)}" for node in diagram.nodes)


def _node(node: Node) -> str:
    # A break is Mermaid's own, between texts that are none of its.
    return f'  t{node.number}["{"<br/>".join(map(_escaped, node.lines))}"]'.strip()


def _edge(diagram: Diagram, edge: Edge, parent: str, child: str) -> str:
    words = diagram.words(edge)
    label = f"|{_quoted(words)}|" if words else ""
    return f"{parent} {STYLES[edge.rule].link}{label} {child}"


def _legend(diagram: Diagram) -> Iterator[tuple[str | None, str]]:
    """The lines of the legend, each with the rule whose line it draws."""
    yield None, f"legend[{_quoted(DIRECTION)}]"
    for number, rule in enumerate(rule for rule in STYLES if rule in diagram.rules):
        style = STYLES[rule]
        yield rule, f"l{number}[{_quoted(rule)}] {style.link} m{number}[{_quoted(style.meaning)}]"
    if any(edge.drift for edge in diagram.edges):
        yield None, f"drift[{_quoted(DRIFT_MEANING)}]"
    if any(edge.unindexed for edge in diagram.edges):
        yield None, f"unindexed[{_quoted(NO_INDEX_MEANING)}]"


def _wrapped(told: Sequence[tuple[str | None, str]]) -> list[str]:
    return ["subgraph legends [Legend]", *(f"  {line}" for _, line in told), "end"] if told else []


def _link_styles(rules: Sequence[str]) -> Iterator[str]:
    """One line for each rule, by the numbers of its links in their order."""
    for rule, style in STYLES.items():
        numbers = [str(number) for number, other in enumerate(rules) if other == rule]
        if numbers:
            dashes = f",stroke-dasharray:{style.dashes}" if style.dashes else ""
            yield f"linkStyle {','.join(numbers)} stroke:{style.colour},stroke-width:{style.width:g}px{dashes}"


def _classes(diagram: Diagram) -> Iterator[str]:
    for name, fill in FILLS.items():
        meant = [f"t{node.number}" for node in diagram.nodes if name == ("chosen" if node.chosen else node.reached)]
        if meant:
            yield f"classDef {name} {fill}"
            yield f"class {','.join(meant)} {name}"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters ."""
    return "".join(letter if letter.isalnum() or letter in PLAIN else f"#{ord(letter)};" for letter in printable(text))
