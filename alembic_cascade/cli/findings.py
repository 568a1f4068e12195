"""Findings as they are printed: as text, one by one, or for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType

import click
from rich.console import Console
from rich.text import Text

from alembic_cascade.audit.findings import Finding, Severity
from alembic_cascade.audit.formats import Audited, github_lines, sarif
from alembic_cascade.escaping import printable

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
OF_DIFFS = {"+": "green", "-": "red"}


def print_for_machines(
    audited: Sequence[Audited], format_: str, summaries: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Findings in the format ``github`` or ``sarif``, for which ``summaries`` are as :func:`.sarif` takes them."""
    if format_ == "sarif":
        click.echo(json.dumps(sarif(audited, version("alembic-cascade"), summaries), indent=2))
        return
    for line in github_lines(audited):
        click.echo(line)


def print_finding(finding: Finding, shown_on: Console, print_samples: Callable[[], None] = lambda: None) -> None:
    """What it is about, what there is, what follows, and what to do; ``print_samples`` comes before the last."""
    head: list[str | tuple[str, str]] = [
        (finding.severity.value, STYLES[finding.severity]),
        " ",
        finding.rule,
        "  ",
        (printable(finding.target), "bold"),
    ]
    if finding.place is not None:
        head += ["  ", (printable(str(finding.place)), "dim")]
    shown_on.print(Text.assemble(*head))
    for line in (f"{finding.problem[:1].upper()}{finding.problem[1:]}.", finding.consequence):
        shown_on.print(Text(f"  {printable(line)}"))
    print_samples()
    for line in finding.fix.splitlines():
        style = OF_DIFFS.get(line[:1], "")
        # A line of a diff is copied whole.
        shown_on.print(Text(f"  {printable(line)}", style=style), soft_wrap=bool(style))
    shown_on.print()
