"""Reports made of models that a test writes, and of keys without any models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from audit.models import imported, subject

from alembic_cascade.audit.auditing import audit
from alembic_cascade.foreign_keys import Action, ForeignKey, TableName
from alembic_cascade.report.gathering import gathered
from alembic_cascade.report.report import Report, ReportedKey, ReportedTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alembic_cascade import CascadeConfig

SNAPSHOTS = Path(__file__).parent / "snapshots"


def reported(directory: Path, text: str, *, config: CascadeConfig | None = None, group: str = "schema") -> Report:
    """The report on models alone."""
    looked_at = subject(imported(directory, text), config=config)
    return gathered(looked_at, audit(looked_at), group=group)


def key(number: int, child: str, parent: str, rule: str = "CASCADE", *, enforced: bool = True) -> ReportedKey:
    """A key that no model has."""
    source, referent = TableName(None, child), TableName(None, parent)
    declared = ForeignKey(
        f"k{number}", source, referent, ((f"{parent}_id", "id"),), ondelete=Action(rule), enforced=enforced
    )
    return ReportedKey(number, source, referent, declared, None)


def report_of(keys: Iterable[ReportedKey]) -> Report:
    """A report on these keys, and on the tables at their ends."""
    listed = tuple(keys)
    names = sorted({end for one in listed for end in (one.child, one.parent)}, key=lambda name: name.sort_key)
    return Report(None, "public", tables=tuple(ReportedTable(name, "public") for name in names), keys=listed)


def assert_as_kept(name: str, text: str) -> None:
    """Compare with the snapshot of that name; with ``REPORT_SNAPSHOTS=write`` it is written anew, to be looked through."""
    path = SNAPSHOTS / name
    if os.environ.get("REPORT_SNAPSHOTS") == "write":
        path.write_text(text)
    assert text == path.read_text()
