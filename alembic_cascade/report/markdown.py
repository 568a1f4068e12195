"""The report as Markdown, for a pull request or a wiki: tables, and a diagram that GitHub draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from alembic_cascade.audit.findings import Finding
from alembic_cascade.escaping import markdown_block, markdown_code, markdown_text
from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.report.diagram import diagram_of
from alembic_cascade.report.markdown_lists import (
    counted,
    keys_section,
    lifecycle_section,
    loading_section,
    models_section,
    quarantine_section,
    relationships_section,
    samples_section,
    table_of,
    tables_section,
)
from alembic_cascade.report.mermaid import mermaid_text, too_much
from alembic_cascade.report.report import Report, ReportedChange

EFFECTS = {
    "deleted": "are deleted",
    "nulled": "lose their reference (NULL)",
    "defaulted": "get the default reference",
    "refused": "stop the delete",
}


def markdown(report: Report) -> str:
    """The whole report; sections about which there is nothing are left out."""
    sections = (
        _head(report),
        _changes(report),
        _diagram(report),
        _reach(report),
        keys_section(report),
        relationships_section(report),
        loading_section(report),
        models_section(report),
        tables_section(report),
        lifecycle_section(report),
        quarantine_section(report),
        samples_section(report),
        _findings(report),
        _waived(report),
        _runbook(report),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield f"# {markdown_text(report.title)}"
    yield ""
    rules: dict[str, int] = {}
    for key in report.keys:
        rules[key.rule] = rules.get(key.rule, 0) + 1
    listed = ", ".join(f"{count} {rule}" for rule, count in sorted(rules.items()))
    keys = f"{counted(report.keys, 'foreign key')}{f' ({listed})' if listed else ''}"
    others = f"{counted(report.relationships, 'relationship')}, {counted(report.findings, 'finding')}"
    yield f"{counted(report.tables, 'table')}, {keys}, {others}."
    if report.revisions:
        before, after = markdown_code(report.before or "base"), markdown_code(report.after or "base")
        yield f"Revisions from {before} to {after}: {counted(report.changes, 'key')} changed."
    yield from (markdown_text(remark) for remark in report.remarks)
    if report.narrowed:
        yield markdown_text(report.narrowed)


def _changes(report: Report) -> Iterator[str]:
    if not report.revisions:
        return
    yield "## Changes"
    yield ""
    yield from table_of(
        ("revision", "message", "runs"),
        (
            (
                markdown_code(one.revision),
                markdown_text(one.message),
                "concurrently" if one.concurrent else "in a transaction",
            )
            for one in report.revisions
        ),
    )
    yield ""
    if report.changes:
        yield from table_of(
            ("key", "before", "after", "revision", "reason"),
            (
                (
                    markdown_code(change.label),
                    _before(change),
                    _definition(change.after, change.before, "dropped"),
                    markdown_code(change.revision),
                    markdown_text(change.reason),
                )
                for change in report.changes
            ),
        )
    else:
        yield "No key is changed by what could be read of them."
    if report.notes:
        yield ""
        yield "Not read:"
        yield ""
        for note in report.notes:
            line = "" if note.line is None else f", line {note.line}"
            yield f"- {markdown_code(note.revision)}{line}: {markdown_text(note.said)}"


def _before(change: ReportedChange) -> str:
    if change.before is None and change.replaced is not None:
        return f"not known: {markdown_code(change.replaced)}"
    return _definition(change.before, change.after, "none")


def _definition(key: ForeignKey | None, other: ForeignKey | None, absent: str) -> str:
    """What a key is, as far as it is told: its rule, and what the other side has otherwise."""
    if key is None:
        return absent
    told = [str(key.ondelete)]
    told += [f"to {key.target_label}"] if other is not None and key.target_label != other.target_label else []
    told += [f"ON UPDATE {key.onupdate}"] if key.onupdate.text else []
    told += [key.deferrability] if key.deferrable else []
    told += [f"MATCH {key.match}"] if key.match else []
    told += [key.standing] if key.standing != "valid" else []
    return markdown_text(", ".join(told))


def _diagram(report: Report) -> Iterator[str]:
    if not report.tables:
        return
    yield "## Lineage"
    yield ""
    diagram = diagram_of(report)
    text = mermaid_text(diagram)
    refused = too_much(diagram, text)
    yield markdown_text(refused) if refused else f"```mermaid\n{text}```"


def _reach(report: Report) -> Iterator[str]:
    for table, reached in report.reach.items():
        yield f"## A delete in {markdown_code(str(table))}"
        yield ""
        if not reached:
            yield "No key of this part refers to it."
            continue
        labels = {key.id: key.label for key in report.keys}
        yield from table_of(
            ("steps", "rows of", "what becomes of them", "by"),
            (
                (str(one.depth), markdown_code(str(one.table)), EFFECTS[one.effect], markdown_code(labels[one.key]))
                for one in reached
            ),
        )


def _findings(report: Report) -> Iterator[str]:
    """Each rule once, and once what is to be said of several findings alike."""
    if not report.findings:
        return
    yield "## Findings"
    for rule, found in groupby(report.findings, key=lambda finding: (finding.severity.value, finding.rule)):
        findings = list(found)
        yield ""
        yield f"### {rule[0]}: {markdown_code(rule[1])}, {len(findings)}"
        alike: dict[tuple[str, str], list[Finding]] = {}
        for finding in findings:
            alike.setdefault((finding.consequence, finding.fix), []).append(finding)
        for (consequence, fix), same in alike.items():
            yield from _alike(same, consequence, fix)


def _alike(findings: Sequence[Finding], consequence: str, fix: str) -> Iterator[str]:
    yield ""
    for finding in findings:
        place = "" if finding.place is None else f" ({markdown_code(str(finding.place))})"
        yield f"- {markdown_code(finding.target)}{place}: {markdown_text(finding.problem)}."
    yield ""
    yield f"{markdown_text(consequence)} Fix:"
    yield ""
    yield markdown_block(fix, "diff" if fix.startswith(("-", "+")) else "")


def _waived(report: Report) -> Iterator[str]:
    if not report.waived:
        return
    yield "## Meant as they are"
    yield ""
    yield from table_of(
        ("about", "rule", "reason"),
        (
            (markdown_code(one.finding.target), markdown_code(one.finding.rule), markdown_text(one.reason))
            for one in report.waived
        ),
    )


def _runbook(report: Report) -> Iterator[str]:
    if not report.runbook:
        return
    yield "## Runbook"
    for number, step in enumerate(report.runbook, 1):
        yield ""
        yield f"### {number}. {step.title}"
        yield ""
        yield markdown_text(step.text)
        if step.commands:
            yield ""
            yield markdown_block("\n".join(step.commands), "console")
