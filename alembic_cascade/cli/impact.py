"""``alembic-cascade impact``: what would go if some rows were deleted, and what stands in the way."""

from __future__ import annotations

import re
from typing import Any

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree as Drawn

from alembic_cascade.cli.options import environment_options, format_option, table_argument
from alembic_cascade.cli.output import columns, console, count_of, print_database, print_json
from alembic_cascade.cli.progress import progress
from alembic_cascade.environment import Settings, Site, visit
from alembic_cascade.errors import CascadeError, UnsupportedDialect
from alembic_cascade.escaping import printable
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.impact.prediction import KeyImpact, Prediction, Remark, predict
from alembic_cascade.impact.tree import Branch, Tree, trees
from alembic_cascade.sql.quoting import quote_identifier, quote_table

IN_THE_WAY = 1

# A value of a key of several columns: in double quotes, in which two of them are one, or up to the next comma.
_VALUE = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"\s*|(?P<plain>[^",]*))(?:,|$)')


@click.command()
@table_argument
@click.option(
    "--pk",
    "keys",
    metavar="VALUE[,VALUE]",
    multiple=True,
    help="The row with this primary key; of several columns, in the key's order. May be given several times.",
)
@click.option("--where", "condition", metavar="SQL", help="The rows for which this condition holds, as in a DELETE.")
@format_option
@environment_options
@click.pass_context
def impact(
    context: click.Context, table: TableName, keys: tuple[str, ...], condition: str | None, format_: str
) -> None:
    """Say what would go if rows of TABLE were deleted.

    By foreign key: rows that would be removed as well, those that would lose a value, and those that stand in the way
    of the DELETE. What the database has counts, not the models. A row is counted once in the totals, and at each key
    by which it is met. The DELETE is not run, and nothing is changed.

    A key of several columns is written --pk 1,2; a value with a comma stands in double quotes: --pk '"a,b",2'.

    \b
    Examples:
      alembic-cascade impact users --pk 7
      alembic-cascade impact lines --pk 1,2 --pk 1,3
      alembic-cascade impact public.users --where "last_active < now() - interval '5 years'"

    Exit status: 0 nothing stands in the way; 1 something does, or may; 2 could not run.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    if bool(keys) == (condition is not None):
        raise click.UsageError("Say which rows: by --pk or by --where, not by both.")
    wanted = condition if condition is not None else list(dict.fromkeys(map(_values, keys)))

    def look(site: Site) -> tuple[str, Prediction | None]:
        connection = site.connection
        if connection is None or connection.dialect.name != "postgresql":
            instead = "Only PostgreSQL's catalogue is known that well."
            raise UnsupportedDialect(site.context.dialect.name, "An impact", instead)
        with progress(f"Looking for what refers to {quote_table(*table)}") as step:
            return str(connection.engine.url.database), predict(connection, table, wanted, step)

    found = [(name, each) for name, each in visit(context.ensure_object(Settings), look) if each is not None]
    _check_all_found(table, [each for _, each in found])
    if format_ == "json":
        print_json({"impacts": [_document(name, each) for name, each in found]})
    else:
        for name, each in found:
            _print(each, console(), name if len(found) > 1 else None)
    if any(each.is_blocked for _, each in found):
        context.exit(IN_THE_WAY)


def _values(text: str) -> tuple[str, ...]:
    """The values of a key. Without a comma or a quote, the text is the value as it is."""
    if "," not in text and not text.startswith('"'):
        return (text,)
    values: list[str] = []
    place = 0
    while place <= len(text):
        found = _VALUE.match(text, place)
        if found is None:
            raise click.BadParameter(
                f'{text!r} can\'t be read: write values with a comma or a quote as "a,b".', param_hint="--pk"
            )
        quoted = found["quoted"]
        values.append(found["plain"].strip() if quoted is None else quoted.replace('""', '"'))
        if not found[0].endswith(","):
            break
        place = found.end()
    return tuple(values)


def _check_all_found(table: TableName, found: list[Prediction]) -> None:
    if not found:
        raise CascadeError(f"There is no table {quote_table(*table)} in the database.")
    missing = [key for key in found[0].missing if all(key in each.missing for each in found)]
    if missing:
        listed = "; ".join(", ".join(key) for key in missing)
        raise CascadeError(f"{quote_table(*table)} has no row with the primary key {printable(listed)}.")


def _print(found: Prediction, shown_on: Console, database: str | None) -> None:
    if database is not None:
        print_database(database, shown_on)
    if not found.tables:
        shown_on.print(Text(f"No row of {printable(quote_table(*found.table))} fulfils that condition."))
        return
    for tree in trees(found):
        shown_on.print(_drawn(tree))
    shown_on.print()
    numbers = [(quote_table(*each.table), each.removed, each.changed) for each in found.tables]
    if len(numbers) > 1:
        numbers.append(
            ("total", sum(each.removed for each in found.tables), sum(each.changed for each in found.tables))
        )
    rows = [tuple(Text(printable(str(value))) for value in line) for line in numbers]
    shown_on.print(columns(("table", "removed", "changed"), rows, numbers=(1, 2)))
    shown_on.print()
    for remark in found.remarks:
        shown_on.print(Text(printable(_remark(remark))))
    shown_on.print(_verdict(found))


def _drawn(tree: Tree) -> Drawn:
    head = Text.assemble(
        (printable(quote_table(*tree.table.table)), "bold"), f"  {count_of(tree.table.deleted, 'row')} deleted"
    )
    drawn = Drawn(head)
    pending = [(drawn, branch) for branch in reversed(tree.branches)]
    while pending:
        above, branch = pending.pop()
        node = above.add(_line(branch))
        pending.extend((node, below) for below in reversed(branch.below))
    return drawn


def _line(branch: Branch) -> Text:
    key = branch.key
    local = ", ".join(map(quote_identifier, key.columns))
    event = "ON UPDATE " if key.on_update else ""
    name = f"{quote_table(*key.table)} ({local})"
    line = Text.assemble((printable(name), "bold"), f"  {event}{key.rule}: ")
    told = [Text(printable(words), style=style) for words, style in _told(key)]
    line.append_text(Text("; ").join(told))
    if branch.shown_before:
        line.append(", see above", style="dim")
    return line


def _told(key: KeyImpact) -> list[tuple[str, str]]:
    """What becomes of rows by a key, in words and their style."""
    told: list[tuple[str, str]] = []
    if not key.fires:
        why = "the key is NOT ENFORCED" if not key.enforced else "its trigger is switched off"
        return [(f"nothing happens, {why}: {count_of(key.rows, 'row')} would refer to nothing", "yellow")]
    changes = ", ".join(map(quote_identifier, key.changes))
    if key.rows:
        done = {
            "removed": "removed",
            "set_null": f"with {changes} set to NULL",
            "set_default": f"with {changes} set to the default",
            "updated": f"with {changes} updated",
        }[key.effect]
        told.append((f"{count_of(key.rows, 'row')} {done}", ""))
    if key.unsure:
        told.append((f"the order of rows decides on {key.unsure} of them", "yellow"))
    why = f", {_problem(key)}" if key.problem else ""
    when = ", at the end of the transaction" if key.deferred else ""
    if key.blocked:
        stands = "stands" if key.blocked == 1 else "stand"
        told.append((f"{count_of(key.blocked, 'row')} {stands} in the way{why}{when}", "bold red"))
    if key.perhaps_blocked:
        told.append(
            (
                f"{count_of(key.perhaps_blocked, 'row')} may stand in the way{why}, as the order of rows will have it",
                "red",
            )
        )
    return told


def _problem(key: KeyImpact) -> str:
    return {"default": "whose default refers to nothing that is left", "MATCH FULL": "by MATCH FULL"}.get(
        key.problem or "", f"by {key.problem}"
    )


def _remark(remark: Remark) -> str:
    """A line about what nobody can foresee."""
    table = quote_table(*remark.table)
    name = "" if remark.name is None else quote_identifier(remark.name)
    event = "UPDATE" if remark.on_update else "DELETE"
    said = {
        "trigger": f"the trigger {name} fires on {event}",
        "rule": f"the rule {name} rewrites each {event}",
        "check": f"the constraint {name} looks at the values that change",
        "unique": f"{name} may refuse the values that change",
        "partition": "rows whose values change may have to move to another partition",
        "default": f"the default that {name} sets can't be known without taking it",
        "temporal": f"the key {name} has a PERIOD",
    }[remark.kind]
    return f"Not foreseen: {table}: {said}."


def _verdict(found: Prediction) -> Text:
    blocked = sum(key.blocked for key in found.keys)
    if blocked:
        stands = "stands" if blocked == 1 else "stand"
        return Text(f"{count_of(blocked, 'row')} {stands} in the way: PostgreSQL would refuse.", style="bold red")
    if found.is_blocked:
        perhaps = sum(key.perhaps_blocked for key in found.keys)
        return Text(f"{count_of(perhaps, 'row')} may stand in the way.", style="red")
    return Text("Nothing stands in the way.", style="bold green")


def _document(database: str, found: Prediction) -> dict[str, Any]:
    return {
        "database": database,
        "schema": found.table.schema,
        "table": found.table.name,
        "in_the_way": found.is_blocked,
        "tables": [
            {
                "schema": each.table.schema,
                "table": each.table.name,
                "deleted": each.deleted,
                "removed": each.removed,
                "changed": each.changed,
            }
            for each in found.tables
        ],
        "keys": [_key_document(branch) for tree in trees(found) for branch in tree.walk()],
        "not_foreseen": [
            {
                "kind": remark.kind,
                "schema": remark.table.schema,
                "table": remark.table.name,
                "name": remark.name,
                "event": "UPDATE" if remark.on_update else "DELETE",
            }
            for remark in found.remarks
        ],
    }


def _key_document(branch: Branch) -> dict[str, Any]:
    key = branch.key
    return {
        "key": key.name,
        "path": list(branch.path),
        "schema": key.table.schema,
        "table": key.table.name,
        "columns": list(key.columns),
        "referent": {"schema": key.parent.schema, "table": key.parent.name, "columns": list(key.referred)},
        "event": "UPDATE" if key.on_update else "DELETE",
        "rule": key.rule,
        "effect": key.effect,
        "changes": list(key.changes),
        "rows": key.rows,
        "depends_on_order": key.unsure,
        "in_the_way": key.blocked,
        "perhaps_in_the_way": key.perhaps_blocked,
        "problem": key.problem,
        "deferred": key.deferred,
    }
