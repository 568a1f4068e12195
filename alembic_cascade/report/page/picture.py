"""Graphviz's SVG as a part of the page: what draws, and nothing that could do anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = frozenset({"svg", "g", "title", "polygon", "polyline", "path", "ellipse", "text"})
ATTRIBUTES = frozenset(
    {"id", "class", "viewBox", "width", "height", "transform", "x", "y", "cx", "cy", "rx", "ry", "d", "points"}
    | {"fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray"}
    | {"text-anchor", "textLength", "font-family", "font-size", "font-weight", "font-style"}
)

# Names may hold what XML can't, and Graphviz writes it: https://www.w3.org/TR/xml/#charsets
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def inlined(svg: str) -> str:
    """The picture without its XML head, comments, links, styles, and whatever else is not a shape or its text.

    Errors: :exc:`xml.etree.ElementTree.ParseError` where it is no XML.
    """
    return "".join(_written(ET.fromstring(_UNSPEAKABLE.sub("\ufffd", svg))))  # noqa: S314 - Graphviz wrote it, and what it may hold is listed above


def _written(node: ET.Element) -> Iterator[str]:
    name = node.tag.removeprefix(SVG)
    if name not in SHAPES:
        # A link draws what it holds.
        yield from (part for child in node for part in _written(child))
        return
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in node.items() if key in ATTRIBUTES)
    yield f"<{name}{attributes}>"
    yield escape(node.text.strip("\n") if node.text else "")
    for child in node:
        yield from _written(child)
    yield f"</{name}>\n" if name in {"g", "svg"} else f"</{name}>"
