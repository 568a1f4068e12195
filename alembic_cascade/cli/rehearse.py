"""``alembic-cascade rehearse``: migrations run, taken back and run again before they run where it matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from typing import TypeVar

import click
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from alembic_cascade.cli.options import environment_options, report_format_option
from alembic_cascade.cli.output import console, print_json, quiet
from alembic_cascade.cli.progress import Step, progress
from alembic_cascade.cli.rehearse_report import document, markdown, print_report
from alembic_cascade.environment import Settings, Site, migrate, visit
from alembic_cascade.errors import RehearsalRefused
from alembic_cascade.escaping import printable
from alembic_cascade.rehearsal.judging import Limits
from alembic_cascade.rehearsal.outcome import Rehearsal, Verdict
from alembic_cascade.rehearsal.rehearsing import rehearse_in_transaction, rehearse_into, rehearse_on_copy
from alembic_cascade.signals import ended_by_signals

Result = TypeVar("Result")

UNSAFE = 1


class _Environment:
    """The project's env.py, which is to have one database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def look(self, work: Callable[[MigrationContext, ScriptDirectory], Result]) -> Result:
        found = visit(self._settings, lambda site: work(site.context, _single(site).script))
        return found[0]

    def migrate(self, steps: Callable[[MigrationContext, ScriptDirectory], Iterable[RevisionStep]]) -> None:
        # The log tells of what is printed at the end.
        with quiet():
            migrate(self._settings, lambda site: steps(site.context, _single(site).script))


def _single(site: Site) -> Site:
    if site.number:
        raise RehearsalRefused(
            "env.py runs migrations for several databases, and one is rehearsed at a time", "Let -n or -x choose one."
        )
    return site


def _address(_context: click.Context, _parameter: click.Parameter, text: str | None) -> URL | None:
    """The URL that the option names."""
    if text is None:
        return None
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "postgresql" or not url.database:
        raise click.BadParameter("it is no URL of a PostgreSQL database, such as postgresql://localhost/shop_copy.")
    return url


def _seconds(_context: click.Context, _parameter: click.Parameter, number: float) -> float:
    if not isfinite(number):
        raise click.BadParameter(f"{number} is no number of seconds.")
    return number


@click.command()
@click.argument("revision", default="head")
@click.option("--into", metavar="URL", callback=_address, help="Rehearse on this database, which is changed.")
@click.option("--rollback", is_flag=True, help="Rehearse on the database itself, in a transaction that is rolled back.")
@click.option(
    "--max-lock",
    type=click.FloatRange(min=0),
    callback=_seconds,
    default=Limits.max_lock,
    show_default=True,
    metavar="SECONDS",
    help="How long others may have to wait for a lock.",
)
@click.option(
    "--big-table",
    type=click.IntRange(min=0),
    default=Limits.big_table,
    show_default=True,
    metavar="ROWS",
    help="A table with more rows is not to be written anew.",
)
@report_format_option
@environment_options
@click.pass_context
def rehearse(
    context: click.Context,
    *,
    revision: str,
    into: URL | None,
    rollback: bool,
    max_lock: float,
    big_table: int,
    format_: str,
) -> None:
    """Run the upgrade to REVISION, verify it, take it back, and run it again.

    On a copy of the database, which is dropped at the end; --into takes a copy that you made. REVISION is head unless
    another one is given, as for alembic upgrade. Each line of a revision is shown with the time that it took, the rows
    that it touched, and its locks. After the upgrade, what keys and relationships promise is proved, as verify does;
    after the downgrade, the schema and the rows of all tables are compared with those at the start.

    A copy is made while nobody is connected to the database, by a role that has CREATEDB and owns it. With --rollback
    no copy is needed, but the locks are taken where people work, and revisions that commit (concurrently) are refused.

    \b
    Examples:
      alembic-cascade rehearse
      alembic-cascade rehearse 0042 --max-lock 0.2 --format md
      alembic-cascade rehearse --into postgresql://localhost/shop_copy

    Exit status: 0 safe, or safe with notes; 1 unsafe; 2 could not run.
    """  # noqa: D301 - \b is click's, and keeps the lines as they are
    if into is not None and rollback:
        raise click.UsageError("Say where: --into or --rollback, not both.")
    environment = _Environment(context.ensure_object(Settings))
    limits = Limits(max_lock, big_table)
    with ended_by_signals(), progress("Rehearsing") as step:
        found = _rehearsed(environment, into, revision, limits, step, rollback=rollback)
    _print(found, revision, format_)
    if found is not None and found.verdict is Verdict.UNSAFE:
        context.exit(UNSAFE)


def _rehearsed(
    environment: _Environment, into: URL | None, revision: str, limits: Limits, step: Step, *, rollback: bool
) -> Rehearsal | None:
    if rollback:
        return rehearse_in_transaction(environment, revision, limits, step)
    if into is not None:
        return rehearse_into(environment, into, revision, limits, step)
    return rehearse_on_copy(environment, revision, limits, step)


def _print(found: Rehearsal | None, revision: str, format_: str) -> None:
    match format_:
        case "json":
            print_json({"rehearsal": None if found is None else document(found)})
        case _ if found is None:
            click.echo(f"Nothing to rehearse: an upgrade to {printable(revision)} would do nothing.")
        case "md":
            click.echo(markdown(found))
        case _:
            print_report(found, console())
