"""``alembic-cascade doctor``: whether all is as migrations need it, before they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from time import monotonic, sleep
from typing import Any

import click
from rich.console import Console
from rich.text import Text
from sqlalchemy import MetaData

from alembic_cascade.cli.options import environment_options, format_option
from alembic_cascade.cli.output import console, count_of, print_database, print_json
from alembic_cascade.cli.progress import Step, progress
from alembic_cascade.doctor.connecting import refused_connection
from alembic_cascade.doctor.examination import CHECKS, CONNECTION, OF_DATABASE, OF_PROJECT, examination
from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.log_lines import log_lines
from alembic_cascade.doctor.modules import modules
from alembic_cascade.doctor.outcome import Outcome, Problem, Verdict, not_checked, outcomes
from alembic_cascade.doctor.wired import wired
from alembic_cascade.environment import Settings, Site, visit
from alembic_cascade.errors import CascadeError
from alembic_cascade.escaping import printable
from alembic_cascade.foreign_keys import TableName

STYLES = {Verdict.OK: "green", Verdict.TO_DO: "bold yellow", Verdict.NOT_CHECKED: "dim"}
TO_DO = 1
LONGEST_PAUSE = 5.0

VERDICT_WIDTH = len(Verdict.NOT_CHECKED.value) + 2
CHECK_WIDTH = max(map(len, CHECKS)) + 2
NARROWEST = 30


@dataclass(frozen=True)
class Group:
    """The outcomes of the project, whose database is None, or of one of its databases."""

    database: str | None
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Seen:
    """What one of env.py's databases showed."""

    database: str
    wiring: tuple[Outcome, ...]
    metadatas: tuple[MetaData, ...]
    scripts: tuple[Path, ...]
    outcomes: tuple[Outcome, ...]


@click.command()
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Try to connect again for that long, such as while a container starts.",
)
@click.option(
    "--skip",
    multiple=True,
    type=click.Choice(CHECKS),
    metavar="CHECK",
    help="Leave a check out. May be given several times.",
)
@format_option
@environment_options
@click.pass_context
def doctor(context: click.Context, *, wait: int, skip: tuple[str, ...], format_: str) -> None:
    """Look whether all is as migrations need it, before they run.

    \b
    Of the project:
      plugin             env.py passes configure_options() to Alembic
      models             env.py imports every module that defines tables
      logger             what migrations say is shown
    Of each database:
      connection         it can be reached; --wait tries again
      server             PostgreSQL 15 or later
      rights             the role owns the tables, and may do what is needed
      row-security       no rows are hidden from the role
      quarantine         it can be made; who may read it; what it holds
      keys               no disabled triggers, NOT VALID, NOT ENFORCED
      indexes            none is invalid
      stopped-revisions  no concurrent revision was left half-way

    Each line says "ok", or what is to be done. What could not be looked at is "not checked", and says why. Modules are
    read, never imported; the database is asked in read-only transactions. Nothing is changed.

    \b
    Examples:
      alembic-cascade doctor
      alembic-cascade doctor --wait 30 --format json
      alembic-cascade doctor --skip keys

    Exit status: 0 nothing to do; 1 something to do; 2 could not run, as where env.py fails.
    """  # noqa: D301 - \b is click's, and keeps the lines as they are
    settings = context.ensure_object(Settings)
    groups = _examined(settings, wait, frozenset(skip))
    if format_ == "json":
        print_json({"checks": [_document(group.database, one) for group in groups for one in group.outcomes]})
    else:
        _print(groups, console())
    if any(one.verdict is Verdict.TO_DO for group in groups for one in group.outcomes):
        context.exit(TO_DO)


def _examined(settings: Settings, wait: int, skipped: frozenset[str]) -> list[Group]:
    """Run env.py, again and again where it can't connect.

    Errors: :exc:`.CascadeError` where it fails for another reason.
    """
    started, tries = monotonic(), 0
    with progress("Examining") as step:
        while True:
            tries += 1
            step("connection" if tries == 1 else f"connection, try {tries}")
            try:
                seen = visit(settings, lambda site: _see(site, skipped, step))
            except CascadeError as error:
                said = refused_connection(error)
                if said is None:
                    raise
                left = wait - (monotonic() - started)
                if left <= 0:
                    return _without_connection(settings, skipped, _refused(said, tries, monotonic() - started))
                sleep(min(left, LONGEST_PAUSE, 0.25 * 2**tries))
            else:
                after = "" if tries == 1 else f", after {tries} tries in {monotonic() - started:.1f} s"
                return [_of_project(seen, skipped), *(_of_database(one, skipped, after) for one in seen)]


def _see(site: Site, skipped: frozenset[str], step: Step) -> Seen:
    metadatas = site.given_metadatas
    connection, dialect = site.connection, site.context.dialect.name
    scripts = _scripts(site)
    if connection is None or dialect != "postgresql":
        found = not_checked(OF_DATABASE, f"it is about PostgreSQL, and this is {dialect}")
        return Seen(dialect, _wiring(site), metadatas, scripts, tuple(found))
    version_table = TableName(site.context.version_table_schema, site.context.version_table)
    examined = Examined(connection, site.config, metadatas, version_table, site.revisions)
    found = examination(examined, skipped, step)
    # The address names none where env.py connects by a function of its own.
    database = connection.engine.url.database or examined.session.database
    return Seen(str(database), _wiring(site), metadatas, scripts, tuple(found))


def _wiring(site: Site) -> tuple[Outcome, ...]:
    return tuple(wired(site.context.opts))


def _scripts(site: Site) -> tuple[Path, ...]:
    """Where the project's migrations are."""
    return (Path(site.script.dir), *map(Path, site.script.version_locations or ()))


def _of_project(seen: Sequence[Seen], skipped: frozenset[str]) -> Group:
    wiring = list(dict.fromkeys(one for each in seen for one in each.wiring))
    told = [one for one in wiring if one.verdict is not Verdict.OK] or wiring
    metadatas = [metadata for each in seen for metadata in each.metadatas]
    found = [*told, *modules(metadatas, seen[0].scripts), *log_lines()]
    return Group(None, tuple(_kept(found, skipped)))


def _of_database(seen: Seen, skipped: frozenset[str], after: str) -> Group:
    connected = Outcome(CONNECTION, Verdict.OK, f"env.py connects to {seen.database}{after}")
    return Group(seen.database, (*_kept([connected], skipped), *seen.outcomes))


def _kept(found: Sequence[Outcome], skipped: frozenset[str]) -> list[Outcome]:
    left = [one for one in found if one.check not in skipped]
    left_out = [name for name in dict.fromkeys(one.check for one in found) if name in skipped]
    return [*left, *not_checked(left_out, "--skip")]


def _refused(said: str, tries: int, seconds: float) -> Problem:
    how = "" if tries == 1 else f" in {tries} tries, {seconds:.0f} s"
    return Problem(
        f"env.py could not connect{how}: {said}",
        "Start the server, or correct the address that env.py connects to; --wait SECONDS tries again meanwhile.",
    )


def _without_connection(settings: Settings, skipped: frozenset[str], problem: Problem) -> list[Group]:
    """What can be seen of the project all the same: env.py is run as ``alembic upgrade --sql`` does.

    What it gives to ``context.configure`` then need not be what autogenerate gets.
    """
    why = "env.py comes to nothing without a connection"
    try:
        seen = visit(settings, lambda site: (site.given_metadatas, _scripts(site)), offline=True)
    except CascadeError:
        project = not_checked(OF_PROJECT, why)
    else:
        metadatas = [metadata for found, _ in seen for metadata in found]
        project = [*not_checked(OF_PROJECT[:1], why), *modules(metadatas, seen[0][1]), *log_lines()]
    refused = outcomes(CONNECTION, [problem], "")
    unseen = not_checked(OF_DATABASE, "there is no connection")
    return [Group(None, tuple(_kept(project, skipped))), Group(None, tuple(_kept([*refused, *unseen], skipped)))]


def _document(database: str | None, outcome: Outcome) -> dict[str, Any]:
    return {
        "database": database,
        "check": outcome.check,
        "verdict": outcome.verdict.value,
        "said": outcome.said,
        "advice": outcome.advice or None,
    }


def _print(groups: Sequence[Group], shown_on: Console) -> None:
    several = len({group.database for group in groups if group.database is not None}) > 1
    for group in groups:
        if several and group.database is not None:
            print_database(group.database, shown_on)
        for one in group.outcomes:
            _print_outcome(one, shown_on)
    number = sum(one.verdict is Verdict.TO_DO for group in groups for one in group.outcomes)
    shown_on.print(Text(f"{count_of(number, 'thing')} to do" if number else "nothing to do"))


def _print_outcome(one: Outcome, shown_on: Console) -> None:
    """The verdict, the check, and beside them what is said and what to do, folded below itself."""
    head = f"{one.verdict.value:<{VERDICT_WIDTH}}{one.check:<{CHECK_WIDTH}}"
    room = max(shown_on.width - len(head), NARROWEST)
    for place, line in enumerate([*wrap(printable(one.said), room), *wrap(printable(one.advice), room)]):
        if place == 0:
            verdict = (one.verdict.value, STYLES[one.verdict])
            shown_on.print(Text.assemble(verdict, head.removeprefix(one.verdict.value), line), soft_wrap=True)
        else:
            shown_on.print(Text(f"{'':{len(head)}}{line}"), soft_wrap=True)
