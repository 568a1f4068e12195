"""``alembic-cascade verify``: whether keys and relationships do what they promise, tried on rows that are undone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from alembic_cascade.cli.options import environment_options, format_option
from alembic_cascade.cli.output import columns, console, count_of, fits, print_database, print_json
from alembic_cascade.cli.progress import progress
from alembic_cascade.cli.protection import check_unprotected, protection_options
from alembic_cascade.environment import Settings, Site, visit
from alembic_cascade.errors import CascadeError, ConfigError, UnsupportedDialect
from alembic_cascade.escaping import printable
from alembic_cascade.patterns import matches_table, table_patterns
from alembic_cascade.proof.claims import Claim
from alembic_cascade.proof.outcome import Proof, Verdict
from alembic_cascade.proof.proving import Prover

NOT_ALL_PROVED = 1
STYLES: dict[Verdict, str] = {"proved": "green", "broken": "bold red", "not provable": "yellow"}


@dataclass(frozen=True)
class _Verified:
    """What was proved of a database."""

    database: str
    proofs: tuple[Proof, ...]


@click.command(short_help="Prove that keys and relationships do what they promise.")
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="PATTERN",
    help="Only keys and relationships of the tables that refer to others: [schema.]table. May be given several times.",
)
@protection_options
@format_option
@environment_options
@click.pass_context
def verify(
    context: click.Context, *, tables: tuple[str, ...], protect: tuple[str, ...], allow_protected: bool, format_: str
) -> None:
    """Prove that every foreign key and every relationship does what it promises when a row is deleted.

    For each, a parent is made with a row that refers to it, a reference to nothing is tried, the parent is deleted, by
    SQL or by SQLAlchemy, and what happened is compared with ON DELETE and cascade, down to the last row. All is done in
    one transaction that is rolled back. Sequences go on, and triggers fire.

    \b
    Examples:
      alembic-cascade verify
      alembic-cascade verify --table posts --table 'billing.*'
      alembic-cascade verify --protect 'prod*' --protect '*/shop'

    Exit status: 0 all is proved; 1 a promise is broken, or could not be proved; 2 could not run.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    try:
        patterns = table_patterns("--table", tables)
    except ConfigError as error:
        raise click.BadParameter(str(error).removeprefix("--table: "), param_hint="--table") from error

    def look(site: Site) -> _Verified:
        connection = site.connection
        if connection is None or connection.dialect.name != "postgresql":
            instead = "What its keys do can only be tried on PostgreSQL."
            raise UnsupportedDialect(site.context.dialect.name, "A proof", instead)
        check_unprotected(connection, () if allow_protected else protect)
        translated = connection.execution_options(schema_translate_map=site.translated or None)
        prover = Prover(translated, site.given_metadatas, config=site.config)
        wanted = [claim for claim in prover.claims if not patterns or _is_meant(claim, patterns)]
        with progress("Proving", total=len(wanted)) as step:
            proofs = tuple(_stepping(prover.proofs(wanted), wanted, step))
        return _Verified(str(connection.engine.url.database), proofs)

    found = visit(context.ensure_object(Settings), look)
    if patterns and not any(one.proofs for one in found):
        raise CascadeError(f"No key and no relationship is of a table {' or '.join(patterns)}.")
    if format_ == "json":
        print_json(_document(found))
    else:
        _print(found, console())
    if not all(proof.is_proved for one in found for proof in one.proofs):
        context.exit(NOT_ALL_PROVED)


def _is_meant(claim: Claim, patterns: Sequence[str]) -> bool:
    return any(matches_table(pattern, claim.table.schema, claim.table.name) for pattern in patterns)


def _stepping(
    proofs: Generator[Proof, None, None], wanted: Sequence[Claim], step: Callable[[str], None]
) -> Iterator[Proof]:
    for claim in wanted:
        step(claim.subject)
        yield next(proofs)
    proofs.close()


def _print(found: Sequence[_Verified], shown_on: Console) -> None:
    for one in found:
        if len(found) > 1:
            print_database(one.database, shown_on)
        _print_proofs(one.proofs, shown_on)
    shown_on.print(_summary([proof for one in found for proof in one.proofs]))


def _print_proofs(proofs: Sequence[Proof], shown_on: Console) -> None:
    for kind in ("foreign key", "relationship"):
        of_kind = [proof for proof in proofs if proof.kind == kind]
        if not of_kind:
            continue
        rows = [
            (
                Text(proof.outcome, style=STYLES[proof.outcome]),
                Text(printable(proof.subject), style="bold"),
                Text(printable(proof.promised)),
                Text(printable(proof.happened)),
                Text(printable(proof.reason or "")),
            )
            for proof in of_kind
        ]
        width = 5 if any(proof.reason for proof in of_kind) else 4
        headings = ("outcome", kind, "promised", "happened", "reason")
        printed = columns(headings[:width], [row[:width] for row in rows])
        if fits(printed, shown_on):
            shown_on.print(printed)
        else:
            for row in rows:
                shown_on.print(Text.assemble(row[0], "  ", row[1], f"  promised {row[2]}, happened {row[3] or '-'}"))
                if row[4]:
                    shown_on.print(Text.assemble("  ", row[4]))
        shown_on.print()


def _summary(proofs: Sequence[Proof]) -> Text:
    counts = Counter(proof.outcome for proof in proofs)
    if not proofs:
        return Text("There is nothing to prove: no key and no relationship.")
    if counts["proved"] == len(proofs):
        return Text(f"all {len(proofs)} proved", style="bold green")
    told = [f"{counts[outcome]} {outcome}" for outcome in STYLES if counts[outcome]]
    return Text(f"{', '.join(told)}, of {count_of(len(proofs), 'promise')}", style="bold")


def _document(found: Sequence[_Verified]) -> dict[str, Any]:
    proofs = [(one.database, proof) for one in found for proof in one.proofs]
    counts = Counter(proof.outcome for _, proof in proofs)
    return {
        "proofs": [
            {
                "database": database,
                "id": proof.id,
                "subject": proof.subject,
                "kind": proof.kind,
                "schema": proof.schema,
                "table": proof.table,
                "outcome": proof.outcome,
                "promised": proof.promised,
                "happened": proof.happened,
                "reason": proof.reason,
            }
            for database, proof in proofs
        ],
        "totals": {outcome: counts[outcome] for outcome in STYLES},
    }
