"""How a delete rule looks, in every drawing: a colour and a line of its own, and the legend's words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Style:
    """The line of a rule; ``line`` is Graphviz's style, ``link`` the link of Mermaid, ``dashes`` its stroke."""

    name: str
    colour: str
    line: str
    width: float
    arrow: str
    link: str
    dashes: str
    meaning: str


# The colours are told from each other, and read, on white and on black: https://www.w3.org/TR/WCAG22/#non-text-contrast
STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "CASCADE": Style(
            "cascade", "#d32f2f", "solid", 2.4, "normal", "==>", "", "rows go with the row that they refer to"
        ),
        "SET NULL": Style(
            "set-null", "#3f7de0", "dashed", 1.5, "empty", "-.->", "6 4", "rows stay, their reference becomes NULL"
        ),
        "SET DEFAULT": Style(
            "set-default", "#0b8a7d", "dashed", 1.5, "odiamond", "-.->", "8 3 2 3",
            "rows stay, their reference gets its default",
        ),
        "RESTRICT": Style(
            "restrict", "#757a80", "solid", 1.0, "tee", "--x", "", "the delete is refused at once where a row refers"
        ),
        "NO ACTION": Style(
            "no-action", "#757a80", "dotted", 1.5, "tee", "-.-x", "2 3", "the delete is refused while a row refers"
        ),
    }
)  # fmt: skip

DRIFT_MEANING = "≠ models and database differ"
NO_INDEX_MEANING = "no index: each delete of a parent reads all rows"
DIRECTION = "An arrow leads from parent to child, as a delete goes."
