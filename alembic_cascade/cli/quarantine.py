"""``alembic-cascade quarantine``: what was set aside, given back or given up."""

from __future__ import annotations

import re
from collections.abc import Callable

import click
from sqlalchemy import Text, func, select

from alembic_cascade.cli.listing import Listed, by_database, print_rows, print_tables
from alembic_cascade.cli.options import environment_options, format_option, named_table, table_argument, yes_option
from alembic_cascade.cli.output import confirm, console, count_of, print_json
from alembic_cascade.environment import Settings, Site, change, visit
from alembic_cascade.errors import CascadeError
from alembic_cascade.escaping import printable
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.erasure import Subject, erase_subject, subject
from alembic_cascade.orphans.quarantine import entries, holdings, purge_stores, restore_rows, stores
from alembic_cascade.orphans.references import unquoted
from alembic_cascade.orphans.stores import Holding, Store, is_known
from alembic_cascade.sql.quoting import quote_identifier, quote_table

CONFLICTS = 1


@click.group()
def quarantine() -> None:
    """Rows that migrations and orphans --fix set aside.

    list and show look. restore, purge and erase say what they are about to do, and ask; without a terminal they refuse,
    unless --yes is said.

    \b
    Examples:
      alembic-cascade quarantine list
      alembic-cascade quarantine show 8d24e6b1f093 --table comments
      alembic-cascade quarantine restore 8d24e6b1f093
      alembic-cascade quarantine purge --older-than 90
      alembic-cascade quarantine erase users --key email=eve@example.org --dry-run

    Exit status: 0 done, or nothing found; 1 something could not be restored; 2 could not run, or the answer was no.
    """  # noqa: D301 - click keeps the lines after a backspace as they are


@quarantine.command("list")
@format_option
@environment_options
@click.pass_obj
def list_tables(settings: Settings, format_: str) -> None:
    """List what is in the quarantine.

    Each revision and table has a line, or a few where the terminal is narrow.
    """
    listed = _listed(settings)
    if format_ == "json":
        print_json({"tables": [table.document() for table in listed]})
    elif not listed:
        click.echo("The quarantine is empty.")
    else:
        shown_on = console()
        for tables in by_database(listed, shown_on):
            print_tables(tables, shown_on)


@quarantine.command()
@click.argument("revision")
@click.option("--table", metavar="[SCHEMA.]TABLE", callback=named_table, help="Of this table only.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=20, show_default=True, help="Rows of each table."
)
@format_option
@environment_options
@click.pass_obj
def show(settings: Settings, revision: str, table: TableName | None, limit: int, format_: str) -> None:
    """Show the rows that REVISION set aside.

    REVISION is as list shows it: a whole revision identifier, or what orphans --fix called its run.
    """
    listed = _listed(settings, lambda holding: _is_of(holding, revision, table), limit)
    if format_ == "json":
        print_json({"tables": [table.document_with_rows() for table in listed]})
    elif not listed:
        click.echo(f"The quarantine holds nothing of the revision {revision}{_of(table)}.")
    else:
        shown_on = console()
        for tables in by_database(listed, shown_on):
            for found in tables:
                print_rows(found, shown_on)


@quarantine.command()
@click.argument("revision")
@click.option("--key", metavar="TEXT", help="For this key only, as list shows it.")
@yes_option
@environment_options
@click.pass_context
def restore(context: click.Context, revision: str, key: str | None, *, yes: bool) -> None:
    """Put back what REVISION set aside.

    REVISION is as list shows it. What something stands in the way of stays in the quarantine; the exit status is 1
    then.
    """
    listed = _listed(context.obj, lambda holding: _is_of(holding, revision))
    wanted = [rows for table in listed for rows in table.holding.keys if key in {None, rows.key}]
    if not wanted:
        keys = sorted({rows.key for table in listed for rows in table.holding.keys})
        click.echo(f"Nothing to restore of the revision {revision}" + (f" for the key {key}." if keys else "."))
        for other in keys:
            click.echo(f"Its key: {other}")
        return
    amount = count_of(sum(rows.removed for rows in wanted), "row")
    values = count_of(sum(rows.changed for rows in wanted), "row")
    confirm(f"Put back {amount} of the revision {revision}, and values of {values}?", yes=yes)
    told = [line for lines in change(context.obj, lambda site: _restore(site, revision, key)) for line in lines]
    for level, words in told:
        click.echo(words if level == "info" else f"{level}: {words}", err=level != "info")
    if any(level != "info" for level, _ in told):
        context.exit(CONFLICTS)


@quarantine.command()
@click.argument("revision", required=False)
@click.option(
    "--older-than", metavar="DAYS", type=click.IntRange(min=0), help="Tables to which nothing was added for that long."
)
@click.option("--unknown", is_flag=True, help="All of revisions that the scripts lack; not what orphans --fix took.")
@click.option("--all", "everything", is_flag=True, help="All there is.")
@yes_option
@environment_options
@click.pass_obj
def purge(
    settings: Settings, revision: str | None, older_than: int | None, *, unknown: bool, everything: bool, yes: bool
) -> None:
    """Drop what was set aside, for good.

    One of REVISION, --older-than, --unknown and --all says what. It can't be restored afterwards.
    """
    if [revision is not None, older_than is not None, unknown, everything].count(True) != 1:
        raise click.UsageError("Say what to purge: one of REVISION, --older-than, --unknown and --all.")
    listed = [
        table
        for table in _listed(settings)
        if (revision is None or table.holding.store.origin.revision == revision)
        and (older_than is None or table.holding.age_in_days > older_than)
        and not (unknown and table.known)
    ]
    if not listed:
        click.echo("Nothing to purge.")
        return
    click.echo("To be lost for good:")
    for table in listed:
        click.echo(f"  {_amount(*table.holding.counts, table.holding.store)}")
    confirm("Purge the quarantine of them?", yes=yes)
    change(settings, lambda site: _purge(site, listed))
    click.echo(f"Purged {count_of(sum(sum(table.holding.counts) for table in listed), 'row')}.")


@quarantine.command()
@table_argument
@click.option(
    "--key",
    "keys",
    metavar="COLUMN=VALUE",
    multiple=True,
    required=True,
    help="May be given several times: then all must hold.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@yes_option
@environment_options
@click.pass_obj
def erase(settings: Settings, table: TableName, keys: tuple[str, ...], *, dry_run: bool, yes: bool) -> None:
    """Erase a person from the quarantine.

    That is: rows of TABLE with that key, and all that refers to them there. The tables themselves are left as they
    are.
    """
    key = _key(keys)
    subjects = visit(settings, lambda site: subject(site.postgresql, table, key))
    found = [one for one in subjects if one is not None]
    if not found:
        raise CascadeError(f"There is no table {quote_table(*table)}, neither in the database nor in the quarantine.")
    for one in found:
        _print_subject(one, key)
    total = sum(part.removed + part.changed for one in found for part in one.parts)
    if not total or dry_run:
        return
    confirm(f"Erase {count_of(total, 'row')} from the quarantine for good?", yes=yes)
    change(settings, lambda site: _erase(site, table, key, subjects[site.number]))
    click.echo(f"Erased {count_of(total, 'row')}.")


def _listed(
    settings: Settings, wanted: Callable[[Holding], bool] = lambda _: True, limit: int | None = None
) -> list[Listed]:
    """The quarantine tables of the project's databases, with up to ``limit`` rows of each."""

    def read(site: Site) -> list[Listed]:
        database = site.postgresql.scalar(select(func.current_database(type_=Text())))
        return [
            Listed(
                site.number,
                str(database),
                holding,
                is_known(holding.store.origin.revision, site.revisions),
                () if limit is None else tuple(entries(site.postgresql, holding.store, limit)),
            )
            for holding in holdings(site.postgresql)
            if wanted(holding)
        ]

    return [table for tables in visit(settings, read) for table in tables]


def _restore(site: Site, revision: str, key: str | None) -> list[tuple[str, str]]:
    of_revision = [store for store in stores(site.postgresql) if store.origin.revision == revision]
    schemas = sorted({store.name.schema or "" for store in of_revision})
    return restore_rows(site.postgresql, revision, key, schemas)


def _purge(site: Site, listed: list[Listed]) -> None:
    purge_stores(site.postgresql, [table.holding for table in listed if table.site == site.number])


def _erase(site: Site, table: TableName, key: dict[str, str], expected: Subject | None) -> None:
    if expected is not None:
        erase_subject(site.postgresql, table, key, expected)


def _is_of(holding: Holding, revision: str, table: TableName | None = None) -> bool:
    origin = holding.store.origin
    return origin.revision == revision and (
        table is None or (table.name == origin.table and table.schema in {None, origin.schema})
    )


def _key(given: tuple[str, ...]) -> dict[str, str]:
    """The values by column; a column's name with "=" in it stands in double quotes."""
    key = {}
    for text in given:
        found = re.fullmatch(r'(?P<column>"(?:[^"]|"")+"|[^="]+)=(?P<value>.*)', text, re.DOTALL)
        if found is None:
            raise click.BadParameter(f"{text!r} is not of the form COLUMN=VALUE.", param_hint="--key")
        key[unquoted(found["column"])] = found["value"]
    return key


def _of(table: TableName | None) -> str:
    return "" if table is None else f" of the table {quote_table(*table)}"


def _print_subject(found: Subject, key: dict[str, str]) -> None:
    told = ", ".join(f"{quote_identifier(column)} = {value}" for column, value in key.items())
    name = quote_table(*found.table)
    if found.parts:
        click.echo(printable(f"Of {name} with {told}, and of what refers to it, the quarantine holds:"))
    else:
        click.echo(printable(f"Of {name} with {told} the quarantine holds nothing."))
    for part in found.parts:
        click.echo(f"  {_amount(part.removed, part.changed, part.store)}")
    if found.living:
        verb = "is" if found.living == 1 else "are"
        click.echo(f"{count_of(found.living, 'row')} with that key {verb} in {printable(name)} still, and not touched.")


def _amount(removed: int, changed: int, store: Store) -> str:
    """How much of a quarantine table, in words."""
    source = f"of {quote_table(*store.source)}"
    parts = [f"{count_of(removed, 'row')} {source}"] if removed or not changed else []
    parts += [f"old values of {count_of(changed, 'row')} {source}"] if changed else []
    return printable(f"{' and '.join(parts)}, revision {store.origin.revision}")
