"""The runbook of this very migration: what to do before, meanwhile and afterwards, and how to go back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from shlex import quote

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.report import Report, ReportedChange, ReportedTable, RunbookStep
from alembic_cascade.sentences import first_of

# More tables than that are counted instead of listed.
LISTED = 8


def runbook(
    report: Report, options: Sequence[str] = (), *, pending: bool = True, alone: bool = True
) -> tuple[RunbookStep, ...]:
    """The steps for the revisions of the report, none where there are none.

    ``options`` are Alembic's, such as ``-c``, for every command. What is ``pending`` is rehearsed first; of what the
    database has already, the steps tell how it was meant to go elsewhere. Where the revisions are not ``alone``, the
    way back is by their branch, for a plain downgrade would take other branches back as well.
    """
    return tuple(_Runbook(report, options, alone=alone).steps(pending=pending)) if report.revisions else ()


class _Runbook:
    def __init__(self, report: Report, options: Sequence[str], *, alone: bool) -> None:
        self._report = report
        self._alone = alone
        self._options = "".join(f" {quote(option)}" for option in options)
        self._tables = {table.name: table for table in report.tables}
        self._concurrent = {one.revision for one in report.revisions if one.concurrent}
        single = report.after is not None and ", " not in report.after
        self._to = report.after if single and report.after is not None else "heads"

    def steps(self, *, pending: bool) -> Iterator[RunbookStep]:
        yield self._look()
        yield self._backup()
        if pending:
            yield self._rehearsal()
        yield self._window()
        yield self._order()
        yield self._upgrade()
        yield self._afterwards()
        yield self._rollback()
        yield self._trouble()

    def _alembic(self, *arguments: str) -> str:
        return f"alembic{self._options} {' '.join(map(quote, arguments))}"

    def _cascade(self, command: str, *arguments: str) -> str:
        return " ".join(["alembic-cascade", command, *map(quote, arguments)]) + self._options

    def _look(self) -> RunbookStep:
        return RunbookStep(
            "Look",
            "The preflight says whether rights and settings are as the migration needs them. Orphans are counted "
            "before a key is made: what becomes of them is decided by the key's own rule.",
            (self._cascade("doctor"), self._cascade("orphans")),
        )

    def _backup(self) -> RunbookStep:
        file = f"before_{self._to}.dump"
        database = self._report.database
        where = '"$DATABASE_URL"' if database is None else quote(database)
        return RunbookStep(
            "Backup",
            "Rows that the migration removes or changes are kept in the quarantine; a dump is for everything else. "
            "Restore it once, into an empty database, before you rely on it.",
            (f"pg_dump --format=custom --file={quote(file)} --dbname={where}",),
        )

    def _rehearsal(self) -> RunbookStep:
        return RunbookStep(
            "Rehearsal",
            "The upgrade runs on a copy, is verified, taken back, compared row by row, and run again. It shows the "
            "time of each line, its locks, and the rows that it touches.",
            (self._cascade("rehearse", self._to),),
        )

    def _window(self) -> RunbookStep:
        ordinary = [change for change in self._report.changes if change.revision not in self._concurrent]
        altered = _ends(change for change in ordinary if change.before is not None or change.replaced is not None)
        made = [table for table in _ends(ordinary) if table not in altered]
        told = []
        if altered:
            told.append(
                f"Readers and writers of {self._listed(altered)} wait while rows are compared with their parents "
                "(ACCESS EXCLUSIVE)."
            )
        if made:
            told.append(f"Writers of {self._listed(made)} wait, readers do not (SHARE ROW EXCLUSIVE).")
        if self._concurrent:
            names = _revisions(sorted(self._concurrent))
            told.append(f"{names} locks nobody out while rows are looked at: no window is needed.")
        if not self._report.changes:
            told.append("No key is changed that could be read. Look at the revisions for what else they lock.")
        elif ordinary:
            told.append("Take a time of little traffic, or let CascadeConfig(concurrently=True) write such revisions.")
        return RunbookStep("Window", " ".join(told))

    def _order(self) -> RunbookStep:
        told = []
        kept = {key.key.identity for key in self._report.keys}
        dropped = [change for change in self._report.changes if change.after is None]
        # Where a key was there twice, the other one stays.
        gone = [one.label for one in dropped if one.before is None or one.before.identity not in kept]
        if any(change.after is not None and change.after.ondelete.rule == "CASCADE" for change in self._report.changes):
            told.append(
                "The migration first, then code that relies on it: a relationship with passive_deletes=True leaves "
                "children to a CASCADE that has to be there."
            )
        if gone:
            told.append(f"Code that relies on {_few(gone)} first: nothing keeps its rows any more.")
        return RunbookStep(
            "Deploy order", " ".join(told) or "The migration first, then the code whose models it is for."
        )

    def _upgrade(self) -> RunbookStep:
        told = [f"In this order: {_few([one.revision for one in self._report.revisions])}."]
        if self._concurrent:
            told.append("What runs concurrently can be interrupted, and goes on where it was when it is run again.")
        ordinary = [one for one in self._report.revisions if not one.concurrent]
        if ordinary:
            told.append("An ordinary revision is all done or not at all.")
        return RunbookStep("Upgrade", " ".join(told), (self._alembic("upgrade", self._to),))

    def _afterwards(self) -> RunbookStep:
        return RunbookStep(
            "Afterwards",
            "Models and database agree, each key is proved to do what it promises, and what was set aside is looked "
            "through: restored, or purged once nobody wants it back.",
            (
                self._alembic("check"),
                self._cascade("audit"),
                self._cascade("verify"),
                self._cascade("quarantine list"),
            ),
        )

    def _rollback(self) -> RunbookStep:
        before = self._report.before
        told = [
            "The downgrade gives keys their old rules, and puts back what was set aside and nobody has changed since."
        ]
        told.append("The rest stays in the quarantine, and is reported.")
        cascades = [
            change.label
            for change in self._report.changes
            if change.after is not None and change.after.ondelete.rule == "CASCADE"
        ]
        if cascades:
            told.append(f"What deletes have taken along since by {_few(cascades)} does not come back.")
        lost = [one.revision for one in self._report.revisions if not one.reversible]
        if lost:
            told.append(f"{_revisions(lost)} has no downgrade: only the backup takes it back.")
        if self._report.notes:
            unread = list(dict.fromkeys(note.revision for note in self._report.notes))
            told.append(
                f"Of {_revisions(unread, be=False)} not all could be read here: look at the downgrade yourself."
            )
        target = "base" if before is None else before
        # Of several versions, none is what a downgrade could be asked for.
        commands: tuple[str, ...] = ()
        if ", " not in target and self._alone:
            commands = (self._alembic("downgrade", target),)
        elif ", " not in target and self._to == self._report.after:
            # https://alembic.sqlalchemy.org/en/latest/branches.html
            commands = (self._alembic("downgrade", f"{self._to}@{target}"),)
        else:
            told.append("Each branch is taken back by itself.")
        return RunbookStep("Rollback", " ".join(told), commands)

    def _trouble(self) -> RunbookStep:
        return RunbookStep(
            "Trouble",
            "LockNotAcquired: somebody else holds a table; run it again at a quieter time, the message names the "
            "session. OrphansRemain, TooManyOrphans: rows have no parent, and nothing was changed; settle them by "
            "alembic-cascade orphans --fix, or say in CascadeConfig what is to become of them. A concurrent revision "
            "that stopped half-way: run the upgrade again.",
        )

    def _listed(self, names: Sequence[TableName]) -> str:
        return _few([_with_rows(name, self._tables.get(name)) for name in names])


def _ends(changes: Iterable[ReportedChange]) -> list[TableName]:
    """The children and the parents of changed keys."""
    found: dict[TableName, None] = {}
    for change in changes:
        found[change.table] = None
        for key in (change.before, change.after):
            if key is not None:
                found[key.parent] = None
    return list(found)


def _with_rows(name: TableName, table: ReportedTable | None) -> str:
    if table is None or table.rows is None:
        return str(name)
    return f"{name} (about {table.rows:,} row{'' if table.rows == 1 else 's'})"


def _few(names: Sequence[str]) -> str:
    return first_of(names, LISTED)


def _revisions(names: Sequence[str], *, be: bool = True) -> str:
    said = _few(names)
    if not be:
        return said
    return f"Revision {said}" if len(names) == 1 else f"Each of the revisions {said}"
