"""``alembic-cascade eject``: the way out of the plugin."""

from __future__ import annotations

from pathlib import Path

import click

from alembic_cascade.cli.options import environment_options, yes_option
from alembic_cascade.cli.output import confirm, count_of, quiet
from alembic_cascade.cli.progress import progress
from alembic_cascade.eject.files import Plan, plan, shown_path, traces, write
from alembic_cascade.environment import Settings, Site, visit
from alembic_cascade.errors import CascadeError
from alembic_cascade.escaping import printable


@click.command(short_help="Rewrite revisions so that they need Alembic alone.")
@click.option("--dry-run", is_flag=True, help="Print what would be changed, as a diff. Nothing is written.")
@yes_option
@environment_options
@click.pass_obj
def eject(settings: Settings, *, dry_run: bool, yes: bool) -> None:
    """Rewrite the project's revisions so that they need Alembic alone.

    Each call of an operation of the plugin gives way to the SQL that it runs, and stays above it as a comment. All
    else in a revision stays as it is, to the byte. The functions that this SQL calls are written into a file beside
    the revisions: they are made for a session, as before. Upgrades and downgrades then do the same without the plugin,
    with and without --sql.

    All revisions are rewritten, or none: a call whose arguments only a run would tell, an operation in a batch or under
    another name, and what else is used of the plugin are refused, each with file and line. No database is touched or
    needed. What is left to take out by hand, as in env.py, is told at the end.

    \b
    Examples:
      alembic-cascade eject --dry-run
      alembic-cascade eject --yes

    Exit status: 0 done, or nothing to do; 2 could not run, or the answer was no.
    """  # noqa: D301 - \b is click's, and keeps the lines as they are
    with progress("Reading revisions") as step:
        step("env.py")
        sites = visit(settings, _place, offline=True)
        schemas = {schema for _, _, schema in sites}
        if len(schemas) > 1:
            named = ", ".join(sorted(map(str, schemas)))
            raise CascadeError(
                f"env.py gives several version_table_schema: {named}. SQL is written for one; nothing was written."
            )
        scripts, revisions, schema = sites[0]
        step("revisions")
        # The operations say in the log what they do, and they do nothing here.
        with quiet():
            found = plan(revisions, schema)
    if found.refusals:
        for refusal in found.refusals:
            click.echo(f"error: {printable(refusal)}", err=True)
        places = count_of(len(found.refusals), "place")
        raise CascadeError(f"Nothing was written: {places} can't be rewritten. Write SQL there by hand, then eject.")
    if dry_run:
        for change in found.changes:
            click.echo(change.diff(), nl=False)
    elif found.changes:
        confirm(f"Rewrite {count_of(_rewritten(found), 'revision')}?", yes=yes)
        write(found.changes)
        _print(found)
    else:
        click.echo("Nothing to eject: no revision uses the plugin.")
    left = traces(scripts, revisions, Path.cwd())
    if left and not dry_run:
        click.echo("Left to take out by hand:")
        for line in left:
            click.echo(f"  {printable(line)}")


def _place(site: Site) -> tuple[Path, list[Path], str | None]:
    """Where the migrations are, the files of the revisions, and the schema of the version table."""
    revisions = [Path(script.path) for script in site.scripts]
    return Path(site.script.dir), revisions, site.context.version_table_schema


def _rewritten(found: Plan) -> int:
    return sum(change.old is not None for change in found.changes)


def _print(found: Plan) -> None:
    for change in found.changes:
        what = "made" if change.old is None else f"{count_of(change.calls, 'call')} rewritten"
        click.echo(f"{printable(shown_path(change.path))}: {what}")
