"""Text of other people's, such as names, written into a terminal or into Markdown as what it is."""

from __future__ import annotations

import re

# What GitHub's Markdown gives a meaning to, HTML, formulas and its own tables among it: https://github.github.com/gfm/
MARKED = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_<>|[]#&~$"})


def printable(text: str) -> str:
    """``text`` with what a terminal would obey, line breaks among it, written as escapes."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def markdown_text(text: str) -> str:
    """``text`` on one line of Markdown, nothing of which is marked up; in a cell of a table as well."""
    return printable(text).translate(MARKED)


def markdown_code(text: str) -> str:
    """``text`` as code in a cell of a table, in which a bar would end the cell."""
    shown = printable(text).replace("|", "\\|")
    ticks = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    # A tick at an end would be one of those round it.
    room = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{room}{shown}{room}{ticks}"


def markdown_block(text: str, language: str = "") -> str:
    """Lines as a block of code, of which none ends it."""
    shown = "\n".join(printable(line) for line in text.splitlines())
    fence = "`" * max(3, max(map(len, re.findall("`+", shown)), default=0) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"
