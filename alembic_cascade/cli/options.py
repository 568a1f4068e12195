"""The options that commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from alembic_cascade.environment import Settings
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.references import parsed_table

Command = TypeVar("Command", bound=Callable[..., Any])


def environment_options(command: Command) -> Command:
    """Alembic's own ``-c``, ``-n`` and ``-x``: before a command's name, or after it."""
    for decorate in reversed(
        (
            _setting("-c", "--config", multiple=True, metavar="FILE", help="As alembic -c. [default: alembic.ini]"),
            _setting("-n", "--name", metavar="SECTION", help="As alembic -n. [default: alembic]"),
            _setting(
                "-x",
                multiple=True,
                metavar="ARGUMENT",
                help="As alembic -x: an argument for env.py. May be given several times.",
            ),
        )
    ):
        command = decorate(command)
    return command


def format_option(command: Command) -> Command:
    """``--format text|json``."""
    return _format(("text", "json"), "How it is printed: json is for programs.")(command)


def report_format_option(command: Command) -> Command:
    """``--format text|json|md``, where there is something to show to others."""
    said = "How it is printed: json is for programs, md for a pull request."
    return _format(("text", "json", "md"), said)(command)


def findings_format_option(command: Command) -> Command:
    """``--format text|json|github|sarif``, where findings come out."""
    said = "How it is printed: json is for programs, github for annotations in a workflow, sarif for code scanning."
    return _format(("text", "json", "github", "sarif"), said)(command)


def table_argument(command: Command) -> Command:
    """``[SCHEMA.]TABLE``."""
    return click.argument("table", metavar="[SCHEMA.]TABLE", callback=named_table)(command)


def named_table(_context: click.Context, _parameter: click.Parameter, text: str | None) -> TableName | None:
    """What ``[SCHEMA.]TABLE`` names."""
    if text is None:
        return None
    table = parsed_table(text)
    if table is None:
        raise click.BadParameter(f'{text!r} is not of the form [schema.]table; write a dot in a name as "a.b".')
    return table


def named_tables(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[TableName, ...]:
    """What several ``[SCHEMA.]TABLE`` name."""
    named = (named_table(context, parameter, text) for text in texts)
    return tuple(table for table in named if table is not None)


def yes_option(command: Command) -> Command:
    """``--yes``."""
    return click.option("-y", "--yes", is_flag=True, help="Do it without asking.")(command)


def _format(choices: Sequence[str], said: str) -> Callable[[Command], Command]:
    return click.option("--format", "format_", type=click.Choice(choices), default="text", show_default=True, help=said)


def _setting(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    return click.option(*names, callback=_keep, expose_value=False, **attributes)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Note the option in the settings, which are one object for all commands of a line."""
    settings = context.ensure_object(Settings)
    if value:
        assert parameter.name is not None
        setattr(settings, parameter.name, value)
