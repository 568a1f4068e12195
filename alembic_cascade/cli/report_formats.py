"""What a report is written as, and the suffixes that tell it."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import click

from alembic_cascade.cli.output import json_text
from alembic_cascade.errors import CascadeError
from alembic_cascade.report.diagram import diagram_of, opening
from alembic_cascade.report.document import document
from alembic_cascade.report.dot import dot_text
from alembic_cascade.report.markdown import markdown
from alembic_cascade.report.mermaid import mermaid_text, too_much
from alembic_cascade.report.page.page import html_page
from alembic_cascade.report.report import Report
from alembic_cascade.report.svg import can_draw, svg

SUFFIXES = MappingProxyType(
    {
        ".html": "html",
        ".htm": "html",
        ".md": "md",
        ".markdown": "md",
        ".json": "json",
        ".mmd": "mermaid",
        ".mermaid": "mermaid",
        ".dot": "dot",
        ".gv": "dot",
        ".svg": "svg",
    }
)
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))


def format_of(output: Path | None, said: str | None) -> str:
    """The format that is said, else that of the file's suffix; Markdown on standard output.

    Errors: :exc:`click.UsageError` for a suffix that tells nothing.
    """
    if said is not None:
        return said
    if output is None:
        return "md"
    told = SUFFIXES.get(output.suffix.lower())
    if told is None:
        raise click.UsageError(f"What {output.name} is to be can't be told by its suffix. Say it by --format.")
    return told


def written(report: Report, format_: str) -> str:
    """The report in that format.

    Errors: :exc:`.CascadeError` where a diagram is too much for Mermaid, or nothing draws an SVG.
    """
    match format_:
        case "html":
            return _page(report)
        case "json":
            return f"{json_text(document(report))}\n"
        case "mermaid":
            return _mermaid(report)
        case "dot":
            return dot_text(diagram_of(report))
        case "svg":
            return svg(diagram_of(report))
        case _:
            return markdown(report)


def _page(report: Report) -> str:
    """The page, which draws its first picture by itself where nothing here can."""
    picture = svg(diagram_of(report).part(opening(report)), legend=False) if can_draw() else None
    return html_page({"version": 1, **document(report)}, picture)


def _mermaid(report: Report) -> str:
    diagram = diagram_of(report)
    text = mermaid_text(diagram)
    refused = too_much(diagram, text)
    if refused is not None:
        raise CascadeError(refused)
    return text
