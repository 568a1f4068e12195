"""What a report tells, as values; every format is written from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from alembic_cascade.audit.auditing import Waived
from alembic_cascade.audit.findings import Finding
from alembic_cascade.foreign_keys import ForeignKey, TableName

EFFECTS = MappingProxyType(
    {
        "CASCADE": "deleted",
        "SET NULL": "nulled",
        "SET DEFAULT": "defaulted",
        "RESTRICT": "refused",
        "NO ACTION": "refused",
    }
)


@dataclass(frozen=True)
class ReportedRevision:
    """A revision of the range; ``concurrent`` is whether it runs outside of a transaction.

    ``reversible`` is whether its downgrade does anything.
    """

    revision: str
    message: str
    concurrent: bool = False
    reversible: bool = True


@dataclass(frozen=True)
class ReportedChange:
    """What a revision does to a key: one of ``before`` and ``after`` is None where it is made or dropped.

    ``replaced`` is the name of a key that the revision drops, where nothing tells what it was.
    """

    table: TableName
    constraint: str | None
    revision: str
    before: ForeignKey | None
    after: ForeignKey | None
    reason: str
    replaced: str | None = None

    @property
    def label(self) -> str:
        """The key in words, as it is afterwards; its name where no more is known."""
        key = self.after or self.before
        return f"{self.table}: {self.constraint}" if key is None else key.label


@dataclass(frozen=True)
class ReportedNote:
    """What could not be read in a revision, and had to be left out of the changes."""

    revision: str
    line: int | None
    said: str


@dataclass(frozen=True)
class ReportedColumn:
    """A column of a table; ``type`` is SQL."""

    name: str
    type: str
    nullable: bool
    primary_key: bool


@dataclass(frozen=True)
class LifecycleFact:
    """A lifecycle column that the settings want: what keeps it, and whether it is there."""

    column: str
    type: str
    kept_by: str
    status: str


@dataclass(frozen=True)
class ReportedTable:
    """A table of the models, of the database, or of both.

    ``rows`` is the estimate of the database's statistics; None where nobody has counted yet. ``orphans`` is None where
    some of its keys were not counted. ``quarantined`` are rows set aside of it. ``findings`` are numbers of findings.
    """

    name: TableName
    group: str
    model: str | None = None
    module: str | None = None
    rows: int | None = None
    orphans: int | None = None
    quarantined: int = 0
    in_models: bool = True
    in_database: bool | None = None
    columns: tuple[ReportedColumn, ...] = ()
    lifecycle: tuple[LifecycleFact, ...] = ()
    findings: tuple[int, ...] = ()


@dataclass(frozen=True)
class ReportedKey:
    """A foreign key as the models declare it, as the database has it, or both.

    ``drift`` says what is not the same; ``indexed`` is whether an index finds the children; ``orphans`` is None where
    nobody has counted them and the database does not guarantee that there are none. ``refuses_null`` is whether a
    column that the rule would set to NULL takes none.
    """

    id: int
    child: TableName
    parent: TableName
    declared: ForeignKey | None
    reflected: ForeignKey | None
    drift: str | None = None
    indexed: bool = True
    nullable: bool = False
    refuses_null: bool = False
    orphans: int | None = None
    rationale: str = ""
    findings: tuple[int, ...] = ()

    @property
    def key(self) -> ForeignKey:
        """As the models have it, else as the database has it."""
        found = self.declared or self.reflected
        assert found is not None
        return found

    @property
    def rule(self) -> str:
        return self.key.ondelete.rule

    @property
    def effect(self) -> str:
        """What becomes of the rows that refer to a deleted one, where there are any."""
        return "refused" if self.rule == "SET NULL" and self.refuses_null else EFFECTS[self.rule]

    @property
    def label(self) -> str:
        return self.key.label


@dataclass(frozen=True)
class ReportedRelationship:
    """A relationship: what it cascades, how it loads, and why; ``key`` is the number of the key that it follows."""

    model: str
    attribute: str
    target: str
    table: TableName
    direction: str
    cascade: str
    passive_deletes: str
    lazy: str
    back_populates: str | None
    key: int | None
    rationale: str
    loading: str

    @property
    def name(self) -> str:
        return f"{self.model}.{self.attribute}"


@dataclass(frozen=True)
class ReportedModel:
    """A model: ``complete``, or what is found about it at worst, or ``waived``; ``notes`` say it."""

    model: str
    table: TableName | None
    status: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Reached:
    """A table that a delete reaches by a key: after how many steps, and what becomes of its rows."""

    table: TableName
    depth: int
    effect: str
    key: int


@dataclass(frozen=True)
class Quarantined:
    """Rows that a revision set aside of a table."""

    revision: str
    table: TableName
    rows: int


@dataclass(frozen=True)
class RunbookStep:
    """A step of the runbook, with the commands to copy."""

    title: str
    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All of it. ``database`` is None where the models alone were looked at; ``before`` and ``after`` are versions.

    ``reach`` is told of the tables that were asked for, ``samples`` of orphans by the label of their key where they
    were asked for. ``narrowed`` says in words what was left out, ``remarks`` what was not looked at.
    """

    database: str | None
    default_schema: str
    tables: tuple[ReportedTable, ...] = ()
    keys: tuple[ReportedKey, ...] = ()
    relationships: tuple[ReportedRelationship, ...] = ()
    models: tuple[ReportedModel, ...] = ()
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waived, ...] = ()
    before: str | None = None
    after: str | None = None
    revisions: tuple[ReportedRevision, ...] = ()
    changes: tuple[ReportedChange, ...] = ()
    notes: tuple[ReportedNote, ...] = ()
    quarantine: tuple[Quarantined, ...] = ()
    runbook: tuple[RunbookStep, ...] = ()
    reach: Mapping[TableName, tuple[Reached, ...]] = field(default_factory=dict)
    samples: Mapping[str, Sequence[Sequence[str | None]]] | None = None
    narrowed: str | None = None
    remarks: tuple[str, ...] = ()
    counted: bool = False

    @property
    def title(self) -> str:
        return f"Foreign keys of {self.database}" if self.database else "Foreign keys of the models"
