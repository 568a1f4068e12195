"""What was found as findings: how much it matters, what follows from it, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from shlex import quote

from alembic_cascade.audit.findings import Finding, Severity
from alembic_cascade.foreign_keys import column_list
from alembic_cascade.orphans.looked import Looked, referent_label

ORPHANED_ROWS = "orphaned-rows"
NULL_LINK = "null-link"
DUPLICATE_REFERENT = "duplicate-referent"
SUMMARIES = {
    ORPHANED_ROWS: "rows refer to a parent that there is not",
    NULL_LINK: "rows have NULL where the models want a reference",
    DUPLICATE_REFERENT: "rows share a value that others refer to",
}


def findings(looked: Iterable[Looked]) -> list[Finding]:
    """One for each key or relationship with orphans, each column with NULLs, each referent that is not unique."""
    found = [finding for one in looked for finding in _of(one)]
    return sorted(found, key=lambda finding: finding.sort_key)


def _of(one: Looked) -> Iterator[Finding]:
    link = one.link
    if one.orphans:
        severity = Severity.ERROR if link.is_meant_to_hold else Severity.WARNING
        consequence, fix = _orphans_consequence(one), _orphans_fix(one)
        yield Finding(ORPHANED_ROWS, severity, link.label, orphans_in_words(one), consequence, fix, link.place)
    for null in one.nulls:
        column = column_list(link.key.source, (null.column,))
        yield Finding(
            NULL_LINK,
            Severity.ERROR,
            column,
            f"{_rows(null.number, 'has', 'have')} NULL, though the models want it filled",
            "The column can't be made NOT NULL until this is settled.",
            "Fill it, remove these rows, or let the model say nullable=True.",
            link.place,
        )
    if one.doubles is not None:
        yield Finding(
            DUPLICATE_REFERENT,
            Severity.ERROR if link.is_key else Severity.WARNING,
            referent_label(one),
            f"{_rows(one.doubles.number, 'shares its', 'share their')} value with another one, and no unique "
            "constraint forbids it",
            "No foreign key can refer to it." if link.is_key else "A row that refers to it has several parents.",
            "Settle which row is meant, then give it a unique constraint.",
            link.place,
        )


def orphans_in_words(one: Looked) -> str:
    """``2 of 4 references have no parent (50.0 %)``."""
    told = "has no parent" if one.orphans == 1 else "have no parent"
    return f"{one.orphans} of {one.references} references {told} ({percent(one.rate)})"


def percent(rate: float) -> str:
    """A share with one decimal, or as little as it is: never 0 where there is something, nor 100 where all is not."""
    shown = f"{100 * rate:.1f}"
    if shown == "0.0" and rate:
        return "< 0.1 %"
    return "> 99.9 %" if shown == "100.0" and rate < 1 else f"{shown} %"


def _orphans_consequence(one: Looked) -> str:
    link = one.link
    if not link.is_key:
        return f"No key keeps them from coming; for {', '.join(link.relationships)} they refer to nothing."
    existing = link.existing
    if link.is_repointed:
        columns = ", ".join(link.to_columns)
        return f"They can't be translated to {columns}, which the models refer to by now."
    if existing is None:
        return "The database has no such key yet; none can be made until this is settled."
    if not existing.enforced:
        return "The key is NOT ENFORCED: nothing keeps them from coming."
    if not existing.validated:
        return "The key is NOT VALID; VALIDATE CONSTRAINT fails until this is settled."
    return "The key is valid by the catalogue: they were written while its triggers did not fire."


def _orphans_fix(one: Looked) -> str:
    # What would mean something else in a pattern is any character.
    pattern = ".".join(re.sub(r"[.*?\[\]]", "?", name) for name in one.located.child if name)
    return f"alembic-cascade orphans --table {quote(pattern)} --dry-run says what --fix would do."


def _rows(number: int, one: str, many: str) -> str:
    return f"1 row {one}" if number == 1 else f"{number} rows {many}"
