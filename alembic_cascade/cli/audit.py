"""``alembic-cascade audit``: what is wrong in models and database, why it matters, what to do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from alembic_cascade.audit.auditing import NAMES, models_left_alone, stale_everywhere
from alembic_cascade.audit.auditing import audit as audited_by_rules
from alembic_cascade.audit.database import read_database
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.formats import Audited, document, known
from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.subject import Subject, schemas_of
from alembic_cascade.cli.findings import print_finding, print_for_machines
from alembic_cascade.cli.options import environment_options, findings_format_option
from alembic_cascade.cli.output import console, count_of, print_database, print_json
from alembic_cascade.environment import Settings, Site, visit
from alembic_cascade.errors import CascadeError, UnsupportedDialect
from alembic_cascade.escaping import printable

LIMITS = click.Choice([severity.value for severity in Severity])
FINDINGS = 1


@click.command(short_help="Find relationships that don't do what they seem to do.")
@click.option("--models-only", is_flag=True, help="Look at the models alone: no database is needed.")
@click.option(
    "--rule",
    "also",
    multiple=True,
    type=click.Choice(sorted(NAMES)),
    metavar="NAME",
    help="Ask a rule that is off by default, too. May be given several times.",
)
@click.option(
    "--fail-on",
    type=LIMITS,
    default="error",
    show_default=True,
    help="Exit with 1 for findings that matter at least that much.",
)
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Leave out what FILE holds: what an earlier audit printed by --format json.",
)
@findings_format_option
@environment_options
@click.pass_context
def audit(
    context: click.Context,
    *,
    models_only: bool,
    also: tuple[str, ...],
    fail_on: str,
    baseline: Path | None,
    format_: str,
) -> None:
    """Find relationships and foreign keys that don't do what they seem to do.

    Relationships are compared with their foreign keys, foreign keys with the database. Each finding says what there is,
    what follows from it, and what to do. Nothing is changed.

    \b
    Examples:
      alembic-cascade audit
      alembic-cascade audit --models-only --format github
      alembic-cascade audit --format json > known.json
      alembic-cascade audit --baseline known.json --fail-on warning

    Exit status: 0 nothing found that --fail-on counts; 1 findings; 2 could not run.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    settings = context.ensure_object(Settings)
    before = None if baseline is None else known(str(baseline), _json(baseline))

    def look(site: Site) -> Audited:
        name = None if site.connection is None else site.connection.engine.url.database
        with models_left_alone():
            return Audited(name, audited_by_rules(subject_of(site), also=also))

    found = visit(settings, look, offline=models_only)
    audits = stale_everywhere([one.audit for one in found])
    gone = [] if before is None else before.gone(audits)
    left = audits if before is None else [before.without(one) for one in audits]
    audited = [replace(one, audit=new) for one, new in zip(found, left, strict=True)]
    match format_:
        case "json":
            print_json(document(audited, gone))
        case "text":
            _print(audited, gone, console())
        case _:
            print_for_machines(audited, format_)
    limit = Severity(fail_on)
    if any(finding.severity.reaches(limit) for one in audited for finding in one.audit.findings):
        context.exit(FINDINGS)


def subject_of(site: Site) -> Subject:
    """What there is to look at: the models, and the database where env.py connected to one.

    Errors: :exc:`.UnsupportedDialect`, :exc:`.CascadeError` where env.py gives no models.
    """
    metadatas = site.metadatas
    mapped = mapped_models(metadatas)
    if site.connection is None:
        return Subject(metadatas, mapped, site.config)
    if site.connection.dialect.name != "postgresql":
        instead = "Look at the models alone: --models-only."
        raise UnsupportedDialect(site.connection.dialect.name, "An audit of the database", instead)
    connection = site.connection
    dialect = connection.dialect
    default = dialect.default_schema_name or "public"
    database = read_database(connection, schemas_of(metadatas, default))
    return Subject(metadatas, mapped, site.config, database, default, dialect)


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CascadeError(f"{file} is no JSON: {error}") from error


def _print(audited: Sequence[Audited], gone: Sequence[tuple[str, str, str]], shown_on: Console) -> None:
    for one in audited:
        if len(audited) > 1:
            print_database(one.database, shown_on)
        for finding in one.audit.findings:
            print_finding(finding, shown_on)
    for rule, target, problem in gone:
        said = f"gone, take it out of the baseline: {rule} {target}: {problem}"
        shown_on.print(Text(printable(said), style="dim"))
    shown_on.print(_summary(audited))


def _summary(audited: Sequence[Audited]) -> Text:
    counts = Counter(finding.severity for one in audited for finding in one.audit.findings)
    told = [count_of(counts[severity], severity.value) for severity in Severity if counts[severity]]
    waived = sum(len(one.audit.waived) for one in audited)
    words = ", ".join(told) or "nothing found"
    return Text(f"{words}{f', {waived} waived' if waived else ''}", style="bold" if told else "bold green")
