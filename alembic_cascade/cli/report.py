"""``alembic-cascade report``: what is, what a migration changes, and how far deletes reach, in one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from sqlalchemy import Connection, Text, cast, func, select

from alembic_cascade.audit.auditing import audit, models_left_alone
from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.subject import Subject
from alembic_cascade.cli.audit import subject_of
from alembic_cascade.cli.options import environment_options, named_tables
from alembic_cascade.cli.progress import Step, progress
from alembic_cascade.cli.report_formats import FORMATS, format_of, written
from alembic_cascade.cli.report_range import revision_range
from alembic_cascade.cli.whole_file import check_writable, write_whole
from alembic_cascade.environment import Settings, Site, visit
from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.reflected import present_triggers
from alembic_cascade.orphans.links import links_of, whole_database
from alembic_cascade.orphans.looked import Wanted
from alembic_cascade.orphans.looking import locate, look
from alembic_cascade.report.changes import changes_of
from alembic_cascade.report.facts import NO_FACTS, Facts, read_facts, with_guarantees, with_orphans, with_samples
from alembic_cascade.report.gathering import BY_MODULE, BY_SCHEMA, gathered
from alembic_cascade.report.lifecycle import lifecycle_of
from alembic_cascade.report.narrowing import DEPTH, narrowed
from alembic_cascade.report.report import Report
from alembic_cascade.report.runbook import runbook
from alembic_cascade.report.styles import STYLES

SAMPLES = 5


@dataclass(frozen=True)
class Asked:
    """What a report is to be about."""

    revisions: str | None
    tables: tuple[TableName, ...]
    depth: int
    rules: tuple[str, ...]
    group: str
    orphans: bool
    samples: bool
    options: tuple[str, ...]


@click.command(short_help="Document keys, deletes, and what a migration changes.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, whole or not at all. [default: standard output]",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="html is one page to look at, search and pass on, json for programs; mermaid, dot and svg are the diagram "
    "alone. [default: by the suffix of FILE, else md]",
)
@click.option(
    "--revisions",
    metavar="FROM:TO",
    help="The revisions whose changes are told, as alembic history -r takes them. [default: what the database lacks; "
    "where that is nothing, or there is no database, the last one]",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="[SCHEMA.]TABLE",
    callback=named_tables,
    help="Only this table and its neighbourhood, and how far a delete in it reaches. May be given several times.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"How many keys away from --table a table may be. [default: {DEPTH}]",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    type=click.Choice(tuple(STYLES), case_sensitive=False),
    help="Only keys with this ON DELETE rule. May be given several times.",
)
@click.option(
    "--group",
    type=click.Choice((BY_SCHEMA, BY_MODULE)),
    default=BY_SCHEMA,
    show_default=True,
    help="What tables are put together by: their schema, or the module of their model.",
)
@click.option("--models-only", is_flag=True, help="Look at the models alone: no database is needed.")
@click.option("--orphans", is_flag=True, help="Count rows without a parent, which reads all rows of some tables.")
@click.option("--samples", is_flag=True, help="With --orphans: show values of the first of them.")
@environment_options
@click.pass_context
def report(
    context: click.Context,
    *,
    output: Path | None,
    format_: str | None,
    revisions: str | None,
    tables: tuple[TableName, ...],
    depth: int | None,
    rules: tuple[str, ...],
    group: str,
    models_only: bool,
    orphans: bool,
    samples: bool,
) -> None:
    """Document keys, relationships and tables, how far deletes reach, and what a migration changes.

    What revisions do to each key, before and after; the lineage diagram, in which each delete rule has its colour and
    its line; why each key cascades; how relationships load; the state of each model; rows, orphans and quarantine;
    lifecycle columns; findings with what to do; a runbook for this very migration. Revisions are read, never run: what
    only a run would tell is listed. Rows are the estimates of the database's statistics, and orphans are counted with
    --orphans alone: a key that the database guarantees needs no count. Nothing is changed.

    \b
    Examples:
      alembic-cascade report -o report.html
      alembic-cascade report > report.md
      alembic-cascade report -o deletes.svg --table users --depth 3
      alembic-cascade report --format mermaid --rule cascade
      alembic-cascade report --models-only --revisions 0041:0043

    Exit status: 0 written, whatever is found; 2 could not run. alembic-cascade audit is what fails for findings.
    """  # noqa: D301 - \b is click's, and keeps the lines as they are
    settings = context.ensure_object(Settings)
    chosen = format_of(output, format_)
    _check_usage(tables, depth, orphans=orphans, samples=samples, models_only=models_only)
    if output is not None:
        check_writable(output)
    asked = Asked(
        revisions, tables, DEPTH if depth is None else depth, rules, group, orphans, samples, _shown_options(settings)
    )
    with progress("Reporting") as step, models_left_alone():
        (made,) = visit(settings, lambda site: _report(_single(site), asked, step), offline=models_only)
        step(f"writing {chosen}")
        text = written(made, chosen)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text)


def _check_usage(
    tables: Sequence[TableName], depth: int | None, *, orphans: bool, samples: bool, models_only: bool
) -> None:
    if depth is not None and not tables:
        raise click.UsageError("--depth is counted from --table, which is missing.")
    if samples and not orphans:
        raise click.UsageError("--samples shows orphans, which --orphans counts. Say both.")
    if orphans and models_only:
        raise click.UsageError("--orphans counts rows of the database, at which --models-only does not look.")


def _shown_options(settings: Settings) -> tuple[str, ...]:
    """Those that commands of the runbook need as well; what -x says may be a secret."""
    named = () if settings.name is None else ("-n", settings.name)
    return (*(part for file in settings.config for part in ("-c", file)), *named)


def _single(site: Site) -> Site:
    if site.number:
        raise CascadeError(
            "env.py runs migrations for several databases, and a report is about one. Let -n or -x choose."
        )
    return site


def _report(site: Site, asked: Asked, step: Step) -> Report:
    step("looking at models and database")
    subject, remarks = _subject(site)
    facts, triggers = NO_FACTS, []
    if subject.database is not None:
        assert site.connection is not None
        facts = _facts(site, site.connection, subject, asked, step)
        triggers = present_triggers(site.connection) if subject.config.lifecycle else []
    step("auditing")
    found = gathered(
        subject,
        audit(subject),
        facts,
        group=asked.group,
        lifecycle=lifecycle_of(subject, facts.inheriting, triggers),
    )
    step("reading revisions")
    wanted = revision_range(site, asked.revisions)
    told = changes_of(wanted, subject)
    whole = replace(
        found,
        before=wanted.before,
        after=wanted.after,
        revisions=told.revisions,
        changes=told.changes,
        notes=told.notes,
        remarks=(*remarks, *found.remarks),
    )
    with_runbook = replace(whole, runbook=runbook(whole, asked.options, pending=wanted.pending, alone=wanted.alone))
    canonical = [subject.canonical(table) for table in asked.tables]
    return narrowed(with_runbook, canonical, asked.depth, asked.rules)


def _subject(site: Site) -> tuple[Subject, tuple[str, ...]]:
    """What there is to look at, and what is not looked at."""
    connection, dialect = site.connection, site.context.dialect
    if connection is None:
        alone = "No database was looked at: this is what the models say."
        return Subject(site.metadatas, mapped_models(site.metadatas), site.config), (alone,)
    default = dialect.default_schema_name or "public"
    if dialect.name != "postgresql":
        mapped = mapped_models(site.metadatas)
        alone = f"A {dialect.name} database can't be looked at as PostgreSQL can: this is what the models say."
        return Subject(site.metadatas, mapped, site.config, default_schema=default, dialect=dialect), (alone,)
    if site.given_metadatas:
        return subject_of(site), ()
    nobody = Subject((), mapped_models(()), site.config, default_schema=default, dialect=dialect)
    return whole_database(connection, nobody), ("env.py gives no models: this is what the database says.",)


def _facts(site: Site, connection: Connection, subject: Subject, asked: Asked, step: Step) -> Facts:
    name = connection.engine.url.database or connection.scalar(select(cast(func.current_database(), Text)))
    version_table = TableName(site.context.version_table_schema, site.context.version_table)
    facts = read_facts(connection, subject, str(name), version_table)
    if not asked.orphans:
        return with_guarantees(facts, subject)
    wanted = Wanted(samples=SAMPLES if asked.samples else 0, trusting=site.config.trust_valid_keys)
    located = locate(connection, links_of(subject), subject)
    looked = look(connection, located, wanted, lambda label: step(f"counting {label}"))
    counted = with_orphans(facts, subject, looked)
    return with_samples(counted, looked) if asked.samples else counted
