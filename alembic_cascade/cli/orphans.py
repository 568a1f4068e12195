"""``alembic-cascade orphans``: rows whose parent there is not, counted, and settled where that is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import EllipsisType

import click

from alembic_cascade.audit.auditing import Audit
from alembic_cascade.audit.formats import Audited
from alembic_cascade.cli.findings import print_for_machines
from alembic_cascade.cli.options import environment_options, findings_format_option, yes_option
from alembic_cascade.cli.orphans_documents import document, documents_of_foresight, documents_of_settling
from alembic_cascade.cli.orphans_listing import (
    print_counted,
    print_foreseen,
    print_plans,
    print_settled,
    refusals,
)
from alembic_cascade.cli.orphans_seen import Seen, see, settle_all
from alembic_cascade.cli.output import confirm, console, count_of, print_json
from alembic_cascade.config import STRATEGIES, check_limit
from alembic_cascade.environment import Settings, change, visit
from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.looked import Looked, Status, Wanted
from alembic_cascade.orphans.planning import Said
from alembic_cascade.orphans.remarks import SUMMARIES, findings
from alembic_cascade.orphans.settling import new_revision
from alembic_cascade.patterns import table_patterns

FINDINGS = 1
COULD_NOT_COUNT = 2


@click.command()
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="PATTERN",
    help="Rows of these tables only: [schema.]table, a glob such as 'legacy_*'. May be given several times.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=0, max=1000),
    default=5,
    show_default=True,
    metavar="N",
    help="Show that many rows of each finding.",
)
@click.option("--all", "everything", is_flag=True, help="Count the rows of valid keys, too.")
@click.option("--dry-run", is_flag=True, help="Say what --fix would do, with all that it takes along. Changes nothing.")
@click.option("--fix", is_flag=True, help="Settle the orphans, and keep what is removed or changed in the quarantine.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    help="Settle all of them in this way, whatever their keys and the settings say. delete keeps nothing.",
)
@click.option(
    "--max-orphans",
    metavar="LIMIT",
    callback=lambda *given: _limit(given[-1]),
    help="Refuse to settle more by one key: a number, a share such as 5%, or none. [default: as the settings say]",
)
@yes_option
@findings_format_option
@environment_options
@click.pass_context
def orphans(
    context: click.Context,
    *,
    tables: tuple[str, ...],
    samples: int,
    everything: bool,
    dry_run: bool,
    fix: bool,
    strategy: str | None,
    max_orphans: float | EllipsisType | None,
    format_: str,
    yes: bool,
) -> None:
    """Count rows whose parent there is not.

    By every foreign key of the models and of the database, and by every relationship that has no key: how many rows
    refer to something, how many of them to nothing, and the first of these. Also rows that have NULL where the models
    want a reference, and rows of a referent that are not unique. Keys that are valid and enforced are left out, unless
    --all is said: the database itself lets no orphan be.

    Without --fix nothing is changed, and nothing is locked that a SELECT would not lock. With --fix orphans are settled
    as a migration would settle them: by the rule of their key, or as the settings of env.py say. A key with NO ACTION
    or RESTRICT says nothing, and a relationship has no rule: their orphans stay, unless --strategy is said. In each
    database all is done or nothing. Nothing is ever removed without being kept, but by --strategy delete.

    \b
    Examples:
      alembic-cascade orphans
      alembic-cascade orphans --table 'billing.*' --samples 20
      alembic-cascade orphans --dry-run --strategy quarantine
      alembic-cascade orphans --fix --yes
      alembic-cascade quarantine restore fix-20261128-091500

    Exit status: 0 nothing found, or all of it settled; 1 findings; 2 could not run, or could not count all.
    """  # noqa: D301 - the mark by which click leaves a paragraph's lines as they are
    acts = fix or dry_run
    if yes and not fix:
        raise click.UsageError("--yes is for --fix: nothing is asked where nothing is changed.")
    _check_usage(format_, strategy, max_orphans, acts=acts)
    settings = context.ensure_object(Settings)
    wanted = Wanted(table_patterns("--table", tables), samples, trusting=not everything)
    said = Said(strategy, max_orphans)
    seen: Sequence[Seen] = visit(settings, lambda site: see(site, wanted, said, dry_run=dry_run))
    _check_patterns(wanted, [one for found in seen for one in found.counted.children])
    if dry_run:
        _tell_foresight(seen, format_)
    elif fix:
        seen = _fix(settings, seen, wanted, said, format_, yes=yes)
    else:
        _tell(seen, format_)
    context.exit(_status(seen))


def _check_usage(format_: str, strategy: str | None, max_orphans: float | EllipsisType | None, *, acts: bool) -> None:
    if not acts and (strategy is not None or max_orphans is not ...):
        raise click.UsageError("--strategy and --max-orphans are for --fix and --dry-run.")
    if acts and format_ in {"github", "sarif"}:
        raise click.UsageError(f"--format {format_} is for what is found; --fix and --dry-run have text and json.")


def _limit(text: str | None) -> float | EllipsisType | None:
    """A count, a share, or None for no limit; ``...`` where nothing is said."""
    if text is None:
        return ...
    if text.lower() == "none":
        return None
    found = re.fullmatch(r"(?P<number>\d+)|(?P<share>\d+(?:\.\d+)?)\s*%", text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no number, no share such as 5%, and not none.")
    limit = int(found["number"]) if found["number"] else float(found["share"]) / 100
    check_limit("--max-orphans", limit)
    return limit


def _check_patterns(wanted: Wanted, children: Sequence[TableName]) -> None:
    """Refuse a pattern that means nothing: misspelt, it would find nothing."""
    for pattern in wanted.tables:
        if not any(Wanted((pattern,)).means(table) for table in children):
            raise CascadeError(f"--table {pattern}: no table like that has a foreign key or a relationship.")


def _tell(seen: Sequence[Seen], format_: str) -> None:
    if format_ == "text":
        print_counted([one.counted for one in seen], console())
    elif format_ == "json":
        print_json(document([one.counted for one in seen]))
    else:
        audited = [Audited(one.counted.database, Audit(tuple(findings(one.counted.looked)))) for one in seen]
        print_for_machines(audited, format_, SUMMARIES)
        # Neither has a place for what is no finding, and the exit status says that there is something.
        for line in (line for one in seen for line in refusals(one.counted)):
            click.echo(line, err=True)


def _tell_foresight(seen: Sequence[Seen], format_: str) -> None:
    if format_ == "json":
        told = [documents_of_foresight(one.counted, one.plans, one.foreseen) for one in seen]
        print_json({**document([one.counted for one in seen]), "plans": [line for lines in told for line in lines]})
        return
    for one in seen:
        print_foreseen(one.counted, one.plans, one.foreseen, console(), named=len(seen) > 1)


def _fix(
    settings: Settings, seen: Sequence[Seen], wanted: Wanted, said: Said, format_: str, *, yes: bool
) -> Sequence[Seen]:
    """Settle, and return what is left."""
    to_settle = [plan for one in seen for plan in one.plans if plan.has_work]
    revision = new_revision()
    if not to_settle:
        if format_ == "json":
            print_json({**document([one.counted for one in seen]), "revision": None, "settled": []})
        else:
            _print_plans(seen)
            click.echo("Nothing to settle.")
        return seen
    if format_ == "text":
        _print_plans(seen)
    number = sum(plan.looked.orphans for plan in to_settle)
    confirm(f"Settle {count_of(number, 'orphan')} by {count_of(len(to_settle), 'key')}?", yes=yes)
    before = {one.counted.site: one for one in seen}
    done = change(settings, lambda site: settle_all(site, before[site.number], wanted, said, revision))
    left = [one.left for one in done]
    if format_ == "json":
        settled = [line for one in done for line in documents_of_settling(one.left.counted, one.settled)]
        print_json({**document([one.counted for one in left]), "revision": revision, "settled": settled})
    else:
        for one in done:
            print_settled(one.left.counted, one.settled, revision, console(), named=len(done) > 1)
    return left


def _print_plans(seen: Sequence[Seen]) -> None:
    for one in seen:
        print_plans(one.counted, one.plans, console(), named=len(seen) > 1)


def _status(seen: Sequence[Seen]) -> int:
    looked: list[Looked] = [looked for one in seen for looked in one.counted.looked]
    if any(one.status is Status.REFUSED for one in looked):
        return COULD_NOT_COUNT
    return FINDINGS if any(one.has_findings for one in looked) else 0
