"""What revisions do to each key: before and after, read from their texts, and from what the database has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from alembic_cascade.audit.subject import Subject
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.report.reading import steps_of
from alembic_cascade.report.renaming import renamed_key, renamed_table
from alembic_cascade.report.report import ReportedChange, ReportedNote, ReportedRevision
from alembic_cascade.report.revisions import Range, Revision
from alembic_cascade.report.steps import (
    Altered,
    ColumnDropped,
    ColumnRenamed,
    Dropped,
    Made,
    Renamed,
    Step,
    TableDropped,
    TableRenamed,
    Unread,
)
from alembic_cascade.report.words import reason_of_policy

# The keys of a database or of a history by their table and name.
Named = dict[tuple[TableName, str | None], ForeignKey]

# Keys that go: their table and name, and all of them where it is known.
Going = list[tuple[TableName, str | None, ForeignKey | None]]


@dataclass(frozen=True)
class Changes:
    """What a range of revisions does, and what could not be read of it."""

    revisions: tuple[ReportedRevision, ...]
    changes: tuple[ReportedChange, ...]
    notes: tuple[ReportedNote, ...]


def changes_of(wanted: Range, subject: Subject) -> Changes:
    """The changes of all revisions of a range, each told of its own; those of one revision on one key together."""
    reader = _History(wanted, subject)
    revisions, changes, notes = [], [], []
    for revision in wanted.revisions:
        revisions.append(
            ReportedRevision(
                revision.revision, revision.message, concurrent=revision.concurrent, reversible=revision.reversible
            )
        )
        if revision.tree is None:
            notes.append(ReportedNote(revision.revision, None, "there is no text of it that could be read"))
            continue
        steps = steps_of(revision.tree)
        unread = dict.fromkeys(step for step in steps if isinstance(step, Unread))
        notes += [ReportedNote(revision.revision, step.line, step.said) for step in unread]
        changes += reader.changes(revision, steps)
    return Changes(tuple(revisions), tuple(changes), tuple(notes))


class _History:
    """The keys as they are while the revisions of a range go by."""

    def __init__(self, wanted: Range, subject: Subject) -> None:
        self._wanted = wanted
        self._subject = subject
        self._known: Named = {}
        self._gone: set[tuple[TableName, str | None]] = set()

    def changes(self, revision: Revision, steps: Iterable[Step]) -> list[ReportedChange]:
        """What the steps of a revision come to."""
        before: Going = []
        after: list[ForeignKey] = []
        for step in steps:
            match step:
                case Made(key):
                    after.append(key)
                case Altered(existing, target):
                    before.append((existing.source, existing.name, existing))
                    after.append(target)
                case Dropped(table, name, key):
                    made = next((one for one in after if (one.source, one.name) == (table, name)), None)
                    if made is not None:
                        # It was there in this revision alone.
                        after.remove(made)
                    else:
                        before.append((table, name, key or self._found(revision, table, name)))
                case TableDropped(table) | ColumnDropped(table):
                    column = step.column if isinstance(step, ColumnDropped) else None
                    after = [one for one in after if not self._is_on(one, table, column)]
                    told = {(self._subject.canonical(of), name) for of, name, _ in before}
                    before += [
                        (table, key.name, key)
                        for key in self._keys_on(table)
                        if self._is_on(key, table, column) and (self._subject.canonical(table), key.name) not in told
                    ]
                case TableRenamed() | ColumnRenamed():
                    before, after = self._renamed(step, before, after)
                case Unread():
                    pass
        self._follow(before, after)
        return self._paired(revision, before, after)

    def _is_on(self, key: ForeignKey, table: TableName, column: str | None) -> bool:
        same = self._subject.canonical(key.source) == self._subject.canonical(table)
        return same and (column is None or column in key.local_columns)

    def _renamed(self, step: Renamed, before: Going, after: Iterable[ForeignKey]) -> tuple[Going, list[ForeignKey]]:
        """What goes and comes, by the names after the step; what stays gets them, too."""
        canonical = self._subject.canonical
        for place, key in self._present().items():
            new = renamed_key(key, step, canonical)
            if new != key:
                self._known.pop(place, None)
                self._gone.add(place)
                self._known[(canonical(new.source), place[1])] = new
        going = [
            (renamed_table(table, step, canonical), name, key and renamed_key(key, step, canonical))
            for table, name, key in before
        ]
        return going, [renamed_key(key, step, canonical) for key in after]

    def _follow(self, before: Going, after: Iterable[ForeignKey]) -> None:
        for table, name, _ in before:
            place = (self._subject.canonical(table), name)
            self._known.pop(place, None)
            self._gone.add(place)
        for key in after:
            self._known[(self._subject.canonical(key.source), key.name)] = key

    def _paired(self, revision: Revision, before: Going, after: Iterable[ForeignKey]) -> list[ReportedChange]:
        """A key that goes and one that comes on the same columns, or of the same name, are one that is changed."""
        left = list(after)
        found = []
        for table, name, existing in before:
            target = next((key for key in left if self._continues(key, table, name, existing)), None)
            if target is not None:
                left.remove(target)
            found.append(self._change(revision, table, existing, target, name))
        found += [self._change(revision, key.source, None, key) for key in left]
        return sorted(found, key=lambda change: (change.table.sort_key, change.label, change.constraint or ""))

    def _continues(self, key: ForeignKey, table: TableName, name: str | None, existing: ForeignKey | None) -> bool:
        if self._subject.canonical(key.source) != self._subject.canonical(table):
            return False
        if existing is None:
            return key.name == name
        return set(key.local_columns) == set(existing.local_columns)

    def _change(
        self,
        revision: Revision,
        table: TableName,
        existing: ForeignKey | None,
        target: ForeignKey | None,
        replaced: str | None = None,
    ) -> ReportedChange:
        meant = target or existing
        reason = None if meant is None else reason_of_policy(self._subject, meant)
        name = replaced if meant is None else meant.name
        constraint = None if name == "?" else name
        said = reason or revision.message
        return ReportedChange(
            self._subject.canonical(table),
            constraint,
            revision.revision,
            _unnamed(existing),
            _unnamed(target),
            said,
            replaced=replaced if existing is None else None,
        )

    def _found(self, revision: Revision, table: TableName, name: str | None) -> ForeignKey | None:
        """What a revision drops by its name: as the database has it, as its downgrade makes it, as it was made."""
        place = (self._subject.canonical(table), name)
        present = self._before.get(place) if self._wanted.pending else None
        return self._known.get(place) or present or self._made_again(revision, *place) or self._before.get(place)

    def _made_again(self, revision: Revision, table: TableName, name: str | None) -> ForeignKey | None:
        steps = [] if revision.tree is None else steps_of(revision.tree, "downgrade")
        made = (step.key for step in steps if isinstance(step, Made))
        return next((key for key in made if (self._subject.canonical(key.source), key.name) == (table, name)), None)

    @cached_property
    def _before(self) -> Named:
        """The keys before the range: the database's, where it is there still, else as the history makes them."""
        database = self._subject.database
        if database is not None and self._wanted.pending:
            return {
                (table, None if key.name is None else str(key.name)): key
                for table, keys in database.keys.items()
                for key in keys
            }
        earlier = _History(replace(self._wanted, pending=False, history=tuple), self._subject)
        for revision in self._wanted.history():
            earlier.changes(revision, [] if revision.tree is None else steps_of(revision.tree))
        return earlier._known

    def _keys_on(self, table: TableName) -> list[ForeignKey]:
        name = self._subject.canonical(table)
        return [key for (of, _), key in sorted(self._present().items(), key=lambda item: str(item[0])) if of == name]

    def _present(self) -> Named:
        """The keys that are there before the revision that is read."""
        left = {place: key for place, key in self._before.items() if place not in self._gone}
        return {**left, **self._known}


def _unnamed(key: ForeignKey | None) -> ForeignKey | None:
    """A key without the mark of one whose name is the database's to choose."""
    return replace(key, name=None) if key is not None and key.name == "?" else key
