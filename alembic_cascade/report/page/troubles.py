"""The report's sections on what is not as it should be, and on what to do: orphans, indexes, findings, the runbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alembic_cascade.report.page.markup import (
    Html,
    code,
    element,
    joined,
    number,
    rule_chip,
    status_chip,
    table,
    table_link,
)
from alembic_cascade.report.page.sections import Document, Section, nothing

_SEVERITIES = {"error": "bad", "warning": "warn", "info": "muted"}


def orphans(document: Document) -> Section:
    """Rows without their parent, and rows that were set aside; values only where the report was asked for them."""
    keys = [one for one in document["keys"] if one["orphans"]]
    samples = document["samples"] or {}
    headings = ["Key", "On delete", "Orphans"]
    rows = [[code(one["label"]), rule_chip(one["rule"]), number(one["orphans"])] for one in keys]
    if samples:
        headings.append("Samples")
        for row, one in zip(rows, keys, strict=True):
            row.append(_samples(samples.get(one["label"], ())))
    counted = document["orphans_counted"]
    aside = [(code(one["revision"]), table_link(one["table"]), number(one["rows"])) for one in document["quarantine"]]
    parts = [
        table("Orphans", headings, rows, (2,))
        if rows
        else nothing("Every reference has its parent." if counted else "Orphans were not counted: --orphans does."),
        element("h3", "Set aside"),
        table("Quarantine", ("Revision", "Table", "Rows"), aside, (2,)) if aside else nothing("No row is set aside."),
    ]
    total = sum(one["orphans"] for one in keys)
    lead = "References without a parent, and the rows that were set aside for that."
    return Section("orphans", "Orphans and quarantine", total if counted else None, lead, joined(parts), "Orphans")


def _samples(values: Sequence[Sequence[Any]]) -> Html:
    return joined((code(", ".join("NULL" if value is None else str(value) for value in row)) for row in values), " ")


def indexes(document: Document) -> Section:
    """How many keys have an index that finds the children, and which have not."""
    known = [one for one in document["keys"] if one["indexed"] is not None]
    missing = [one for one in known if not one["indexed"]]
    if not known:
        return Section("indexes", "Index coverage", None, "", nothing("No key's indexes are known."), "Indexes")
    covered = len(known) - len(missing)
    rows = [(table_link(one["child"]), code(", ".join(one["columns"])), rule_chip(one["rule"])) for one in missing]
    bar = element(
        "p",
        element("meter", min=0, max=len(known), value=covered, aria_label="Keys with an index"),
        f" {covered} of {len(known)} keys have an index.",
        class_="coverage",
    )
    body = joined([bar, table("Keys without an index", ("Table", "Columns", "On delete"), rows) if rows else ""])
    lead = "Without an index, a delete of the parent reads the whole child."
    return Section("indexes", "Index coverage", len(missing), lead, body, "Indexes")


def findings(document: Document) -> Section:
    """Cause, consequence, fix and place of each finding; the scripts show these same elements beside the diagram."""
    found = document["findings"]
    articles = [_finding(place, one) for place, one in enumerate(found)]
    body = joined([joined(articles) if articles else nothing("Nothing was found."), _waived(document["waived"])])
    return Section("findings", "Findings", len(found), "", body)


def _finding(place: int, one: Mapping[str, Any]) -> Html:
    severity = str(one["severity"])
    return element(
        "article",
        element(
            "header",
            status_chip(severity, _SEVERITIES.get(severity, "muted")),
            " ",
            code(one["rule"]),
            " ",
            element("strong", one["target"]),
        ),
        element("p", one["problem"], class_="problem"),
        element("dl", *_facts(one)),
        id=f"finding-{place}",
        class_=f"finding {_SEVERITIES.get(severity, 'muted')}",
    )


def _facts(one: Mapping[str, Any]) -> Iterator[Html]:
    if one["consequence"]:
        yield joined([element("dt", "So"), element("dd", one["consequence"])])
    if one["fix"]:
        yield joined([element("dt", "Fix"), element("dd", joined(_fix(one["fix"]), "\n"))])
    if one["place"]:
        yield joined([element("dt", "Where"), element("dd", code(f"{one['place']['file']}:{one['place']['line']}"))])


def _fix(text: str) -> Iterator[Html | str]:
    """Its lines, those of a diff as code."""
    for line in text.splitlines():
        kind = {"+": "added", "-": "removed"}.get(line[:1])
        yield element("code", line, class_=kind) if kind else line


def _waived(waived: Sequence[Mapping[str, Any]]) -> Html:
    if not waived:
        return Html()
    rows = [(code(one["rule"]), one["target"], one["problem"], one["reason"]) for one in waived]
    heading = element("summary", f"Waived: {len(waived)}")
    return element("details", heading, table("Waived", ("Rule", "Target", "Problem", "Why it is meant"), rows))


def runbook(document: Document) -> Section:
    """The steps of this very migration, with the commands to copy."""
    steps = [
        element(
            "li",
            element("h3", one["title"]),
            element("p", one["text"]),
            *(
                element("div", element("pre", code(command), tabindex="0"), class_="command")
                for command in one["commands"]
            ),
        )
        for one in document["runbook"]
    ]
    body = element("ol", *steps, class_="runbook") if steps else nothing("There is nothing to run.")
    return Section("runbook", "Runbook", None, "", body)
