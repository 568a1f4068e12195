"""What commands print: tables and lines in a terminal's width, JSON, and questions before anything is lost."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from alembic_cascade.errors import CascadeError
from alembic_cascade.escaping import printable

# A file is as wide as its lines are.
UNLIMITED = 100_000

DECLINED = 2


def console() -> Console:
    """Standard output, in which nothing but what it is given has a style."""
    sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(markup=False, highlight=False, emoji=False, width=None if sized else UNLIMITED)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing but warnings from any logger: for work whose log tells of what is not done, or is printed anyway."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.INFO))
    try:
        yield
    finally:
        logging.disable(before)


def fits(printed: RenderableType, shown_on: Console) -> bool:
    """Whether it can be printed without a break in any of its lines."""
    return shown_on.measure(printed, options=shown_on.options.update(width=UNLIMITED)).maximum <= shown_on.width


def columns(headings: Iterable[str], rows: Iterable[Sequence[Text]], *, numbers: Iterable[int] = ()) -> Table:
    """Rows under headings; the columns with these ``numbers`` stand to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, heading in enumerate(headings):
        table.add_column(Text(printable(heading)), justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def names_and_values(pairs: Iterable[tuple[str, Text]], *, indent: int = 2) -> Table:
    """A line for each pair, in which a long value is folded below itself."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(Text(f"{'':{indent}}{printable(name)}", style="cyan"), value)
    return table


def print_database(name: str | None, shown_on: Console) -> None:
    """The heading above what is told of one of several databases."""
    shown_on.print(Text(f"Database {printable(str(name))}", style="bold underline"))


def moment(at: str) -> str:
    """A time of ISO 8601, to the minute."""
    return at[:16].replace("T", " ")


def count_of(number: int, thing: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def print_json(document: dict[str, Any]) -> None:
    """One document, with the version of its form."""
    click.echo(json_text(document))


def json_text(document: dict[str, Any]) -> str:
    """The same, not printed."""
    return json.dumps({"version": 1, **document}, indent=2)


def confirm(question: str, *, yes: bool) -> None:
    """Go on where the answer is yes; else say that nothing was changed, and exit with 2.

    Errors: :exc:`.CascadeError` without a terminal in which somebody could answer.
    """
    if yes:
        return
    if not can_ask():
        raise CascadeError("There is no terminal to ask in. Nothing was changed. Say --yes if it is meant.")
    if not click.confirm(question, err=True):
        click.echo("Nothing was changed.")
        click.get_current_context().exit(DECLINED)


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty()
