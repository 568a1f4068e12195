"""What a look for orphans asks for, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from alembic_cascade.foreign_keys import TableName, column_list
from alembic_cascade.orphans.links import Link
from alembic_cascade.patterns import matches_table
from alembic_cascade.sql.orphan_queries import Located

# A row's values by the names of their columns, as PostgreSQL writes them.
Sample = dict[str, str | None]


class Status(Enum):
    """What was done about a link."""

    COUNTED = "counted"
    TRUSTED = "trusted"
    ABSENT = "absent"
    NOT_JUDGED = "not judged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Nulls:
    """Rows that have NULL in a column that the models want filled."""

    column: str
    number: int
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Doubles:
    """Rows of a referent whose values another row has, too."""

    columns: tuple[str, ...]
    number: int
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Looked:
    """What was found of a link; ``why`` says what stopped the look, where something did.

    ``references`` are rows that refer to anything, ``empty`` those that don't, for their columns are NULL.
    """

    link: Link
    located: Located
    status: Status
    why: str | None = None
    references: int = 0
    empty: int = 0
    orphans: int = 0
    samples: tuple[Sample, ...] = ()
    nulls: tuple[Nulls, ...] = ()
    doubles: Doubles | None = None

    @property
    def rate(self) -> float:
        """The share of the references that are orphans."""
        return self.orphans / self.references if self.references else 0.0

    @property
    def has_findings(self) -> bool:
        return bool(self.orphans or self.nulls or self.doubles)


@dataclass(frozen=True)
class Wanted:
    """What is asked for: ``trusting`` leaves out keys that the database guarantees."""

    tables: tuple[str, ...] = ()
    samples: int = 5
    trusting: bool = True

    def means(self, table: TableName) -> bool:
        return not self.tables or any(matches_table(pattern, table.schema, table.name) for pattern in self.tables)


def referent_label(looked: Looked) -> str:
    """The referent in words: ``users.id``."""
    return column_list(looked.link.key.referent, looked.link.key.remote_columns)
