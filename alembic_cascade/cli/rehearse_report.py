"""A rehearsal as text, as Markdown and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from alembic_cascade.cli.output import count_of
from alembic_cascade.escaping import markdown_code, markdown_text, printable
from alembic_cascade.rehearsal.judging import place
from alembic_cascade.rehearsal.outcome import Operation, Phase, Reason, Rehearsal, TableUse, Verdict
from alembic_cascade.rehearsal.running import AGAIN

NARROWEST = 30

STYLES = {Verdict.SAFE: "bold green", Verdict.NOTES: "bold yellow", Verdict.UNSAFE: "bold red"}


def print_report(found: Rehearsal, shown_on: Console) -> None:
    """Operation by operation, then what was compared, then why it is what it is."""
    shown_on.print(Text.assemble((printable(found.database), "bold"), f", rehearsed on {found.place}"))
    for phase in found.phases:
        shown_on.print()
        _print_phase(phase, shown_on)
    lines = summary(found)
    if lines:
        shown_on.print()
    for line in lines:
        _print_folded([(line, "")], 0, shown_on)
    for title, reasons in _grouped(found.reasons):
        shown_on.print()
        shown_on.print(Text(title, style="bold"))
        for alike in _alike(reasons):
            _print_reasons(alike, shown_on)
    shown_on.print()
    shown_on.print(Text(verdict_of(found), style=STYLES[found.verdict]))


def _print_phase(phase: Phase, shown_on: Console) -> None:
    shown_on.print(Text.assemble((phase.name, "bold"), f"  {seconds(phase.seconds)}"))
    if phase.name != AGAIN:
        width = max((len(printable(place(operation))) for operation in phase.operations), default=0)
        for operation in phase.operations:
            _print_operation(operation, width, shown_on)
    if phase.failure is not None:
        where = phase.failure.revision or "the commit"
        shown_on.print(Text(f"  {printable(where)} failed", style="bold red"))


def _print_operation(operation: Operation, width: int, shown_on: Console) -> None:
    head = f"  {seconds(operation.seconds):>7}  {printable(place(operation)):<{width}}  "
    times = f" (x{operation.runs})" if operation.runs > 1 else ""
    line = Text.assemble(head, (printable(operation.text), "cyan"), times)
    shown_on.print(line, no_wrap=True, overflow="ellipsis")
    for use in operation.uses:
        told = told_of(use)
        if told:
            _print_folded([(use.table, "bold"), (f": {', '.join(told)}", "")], len(head), shown_on)


def _print_reasons(reasons: Sequence[Reason], shown_on: Console) -> None:
    """Those of a kind under one heading, with what to do said once."""
    style = "yellow" if reasons[0].is_note else "red"
    _print_folded([(reasons[0].kind, style)], 2, shown_on)
    for reason in reasons:
        _print_folded([(reason.subject, "bold"), (f": {reason.said}", "")], 4, shown_on)
    _print_folded([(reasons[0].advice, "dim")], 4, shown_on)


def _print_folded(parts: Iterable[tuple[str, str]], indent: int, shown_on: Console) -> None:
    """Text whose further lines begin where the first does."""
    text = Text.assemble(*((printable(part), style) for part, style in parts))
    room = max(shown_on.width - indent, NARROWEST)
    for line in text.wrap(shown_on, room):
        line.rstrip()
        shown_on.print(Text.assemble(" " * indent, line), soft_wrap=True)


def told_of(use: TableUse) -> list[str]:
    """What an operation did to a table, in words."""
    told = []
    if use.lock is not None:
        told.append(f"{use.lock.name} for {seconds(use.lock.seconds)}")
    for count, what in ((use.inserted, "inserted"), (use.updated, "updated"), (use.deleted, "deleted")):
        if count:
            told.append(f"{count_of(count, 'row')} {what}")
    if use.quarantined:
        told.append(f"{use.quarantined} set aside")
    if use.rewritten:
        told.append("written anew")
    return told


def summary(found: Rehearsal) -> list[str]:
    """What was compared and proved."""
    lines = []
    names = [phase.name for phase in found.phases if phase.failure is None]
    if "downgrade" in names:
        lines.append(
            f"compared after the downgrade: the schema, and {count_of(found.rows, 'row')} of "
            f"{count_of(found.tables, 'table')}"
        )
    if found.proofs is not None:
        outcomes = Counter(proof.outcome for proof in found.proofs)
        told = ", ".join(
            f"{outcomes[outcome]} {outcome}" for outcome in ("proved", "broken", "not provable") if outcomes[outcome]
        )
        lines.append(f"verified after the upgrade: {told or 'there is no key and no relationship'}")
    return lines


def verdict_of(found: Rehearsal) -> str:
    """The last line."""
    against = sum(not reason.is_note for reason in found.reasons)
    notes = len(found.reasons) - against
    counts = [count_of(against, "reason")] if against else []
    counts += [count_of(notes, "note")] if notes else []
    return f"{found.verdict.value}{': ' if counts else ''}{', '.join(counts)}"


def _grouped(reasons: Sequence[Reason]) -> Iterable[tuple[str, list[Reason]]]:
    for title, is_note in (("against it", False), ("to be noted", True)):
        listed = [reason for reason in reasons if reason.is_note is is_note]
        if listed:
            yield title, listed


def _alike(reasons: Iterable[Reason]) -> Iterable[list[Reason]]:
    """Those of one kind, of which the same is to be said."""
    for _, alike in groupby(reasons, key=lambda reason: (reason.kind, reason.advice)):
        yield list(alike)


def seconds(number: float) -> str:
    """To the hundredth of a second, or the millisecond where it is short."""
    return f"{number * 1000:.0f} ms" if number < 1 else f"{number:.2f} s"


def markdown(found: Rehearsal) -> str:
    """For a pull request."""
    lines = [f"**Rehearsal of {markdown_code(found.database)}: {verdict_of(found)}**", ""]
    for title, reasons in _grouped(found.reasons):
        lines += [f"{title[:1].upper()}{title[1:]}:", ""]
        for alike in _alike(reasons):
            lines.append(f"- {alike[0].kind}. {alike[0].advice}")
            lines += [f"  - {markdown_code(reason.subject)}: {markdown_text(reason.said)}" for reason in alike]
        lines.append("")
    lines += [f"Rehearsed on {found.place}.", *(f"{line[:1].upper()}{line[1:]}." for line in summary(found)), ""]
    for phase in found.phases:
        ended = "" if phase.failure is None else ", failed"
        lines += [f"<details><summary>{phase.name}: {seconds(phase.seconds)}{ended}</summary>", ""]
        lines += ["| line | operation | time | what it did |", "|---|---|---|---|"]
        lines += [_row(operation) for operation in phase.operations]
        lines += ["", "</details>", ""]
    return "\n".join(lines).rstrip()


def _row(operation: Operation) -> str:
    uses = [(use.table, told_of(use)) for use in operation.uses]
    told = "<br>".join(f"{markdown_text(table)}: {', '.join(words)}" for table, words in uses if words)
    cells = (place(operation), markdown_code(operation.text), seconds(operation.seconds), told)
    return f"| {' | '.join(cells)} |"


def document(found: Rehearsal) -> dict[str, Any]:
    """The fields that JSON has."""
    return {
        "verdict": found.verdict.value,
        "database": found.database,
        "place": found.place,
        "revisions": list(found.revisions),
        "tables_compared": found.tables,
        "rows_compared": found.rows,
        "reasons": [asdict(reason) for reason in found.reasons],
        "phases": [_phase_document(phase) for phase in found.phases],
        "proofs": None if found.proofs is None else [asdict(proof) for proof in found.proofs],
    }


def _phase_document(phase: Phase) -> dict[str, Any]:
    return {
        "name": phase.name,
        "seconds": round(phase.seconds, 3),
        "failure": None if phase.failure is None else asdict(phase.failure),
        "operations": [_operation_document(operation) for operation in phase.operations],
    }


def _operation_document(operation: Operation) -> dict[str, Any]:
    return {
        "revision": operation.revision,
        "line": operation.line,
        "text": operation.text,
        "runs": operation.runs,
        "seconds": round(operation.seconds, 3),
        "rows": operation.touched,
        "quarantined": operation.quarantined,
        "tables": [_use_document(use) for use in operation.uses],
    }


def _use_document(use: TableUse) -> dict[str, Any]:
    return {
        "table": use.table,
        "inserted": use.inserted,
        "updated": use.updated,
        "deleted": use.deleted,
        "quarantined": use.quarantined,
        "rewritten": use.rewritten,
        "lock": None if use.lock is None else use.lock.name,
        "held": None if use.lock is None else round(use.lock.seconds, 3),
    }
