"""Triggers that keep lifecycle columns: as values, and as the text of their functions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.naming import clipped_name

# Triggers fire in the order of their names, and this one is to see what all others made of a row:
# https://www.postgresql.org/docs/current/sql-createtrigger.html
TRIGGER_PREFIX = "zz_alembic_cascade_"
FUNCTION_PREFIX = "alembic_cascade_"

# Set in a transaction that settles orphans or fills columns: what is changed then is no news of the row.
QUIET = "alembic_cascade.quiet"

SEARCH_PATH = "pg_catalog, pg_temp"

DIGEST_LENGTH = 8


# A single row has one parent. Of several, the parents are locked in one order before they are changed: two statements
# for the same ones wait, no more. The block for errors changes nothing, so that it takes no transaction number.
INSERT_TEMPLATE = """
BEGIN
    IF coalesce(current_setting('{quiet}', true), '') = 'on' THEN
        RETURN NULL;
    END IF;
    DECLARE
        newest record;
    BEGIN
        BEGIN
            SELECT {referring}, inserted.{value} AS value INTO STRICT newest FROM inserted;
        EXCEPTION WHEN too_many_rows OR no_data_found THEN
            newest := NULL;
        END;
        IF newest IS NOT NULL THEN
            UPDATE {table} AS parent SET {column} = newest.value
            WHERE %3$s AND (parent.{column} IS NULL OR parent.{column} < newest.value);
            RETURN NULL;
        END IF;
    END;
    WITH inserted_newest AS (
        SELECT {referring}, max(inserted.{value}) AS value
        FROM inserted
        WHERE inserted.{value} IS NOT NULL
        GROUP BY {places}
    ), held AS (
        SELECT newest.*
        FROM {table} AS parent JOIN inserted_newest AS newest ON %3$s
        WHERE parent.{column} IS NULL OR parent.{column} < newest.value
        ORDER BY {ordered}
        FOR NO KEY UPDATE OF parent
    )
    UPDATE {table} AS parent SET {column} = newest.value
    FROM held AS newest
    WHERE %3$s AND (parent.{column} IS NULL OR parent.{column} < newest.value);
    RETURN NULL;
END
"""


@dataclass(frozen=True)
class Source:
    """The column of a child that a column of its parent is set from; ``pairs`` are the key's, (local, remote)."""

    table: TableName
    column: str
    pairs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column}"


@dataclass(frozen=True)
class LifecycleTrigger:
    """What keeps ``column`` of ``table``: an UPDATE of a row itself, or an INSERT into ``source``."""

    table: TableName
    column: str
    source: Source | None = None
    security: str = "invoker"

    @property
    def on(self) -> TableName:
        """The table that has the trigger."""
        return self.source.table if self.source else self.table

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it needs."""
        return (self.column, *(remote for _, remote in self.source.pairs)) if self.source else (self.column,)

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The columns of the child that it needs."""
        return (self.source.column, *(local for local, _ in self.source.pairs)) if self.source else ()

    @property
    def label(self) -> str:
        """The column in words: ``posts.updated_at``."""
        return f"{self.table}.{self.column}"

    @property
    def name(self) -> str:
        """The trigger's name."""
        if self.source is None:
            return _fitting(TRIGGER_PREFIX + self.column, self.column)
        # Another table's column may read the same, as "a.b_c" and "a_b.c" do.
        return _fitting(f"{TRIGGER_PREFIX}{self.table.name}_{self.column}", self.label, always=True)

    @property
    def function(self) -> str:
        """The function's name. Different columns never share one, whatever they are called."""
        return _fitting(
            f"{FUNCTION_PREFIX}{self.table.name}_{self.column}",
            f"{self.label} {self.source}",
            always=True,
        )

    @property
    def remark(self) -> str:
        """The function's comment, by which it is known again."""
        said: dict[str, Any] = {"alembic_cascade": "lifecycle", "column": self.column, "security": self.security}
        if self.source is None:
            said["set_on"] = "update"
        else:
            said |= {
                "table": list(self.table),
                "set_from": [*self.source.table, self.source.column],
                "pairs": [list(pair) for pair in self.source.pairs],
            }
        return json.dumps(said, sort_keys=True)

    def template(self) -> str:
        """The function's body, for PostgreSQL's ``format``.

        Its arguments: the schema of the table, quoted, what :func:`compared_part` gives, and the condition that a row
        "newest" refers to a row "parent", with the operators of their types.
        """
        return self._update_template() if self.source is None else self._insert_template(self.source)

    def _update_template(self) -> str:
        column = _escaped(self.column)
        return (
            "\nDECLARE\n%2$s"
            # Compared as they are stored: json and point have no equality of their own.
            f"    IF NEW.{column} IS NOT DISTINCT FROM OLD.{column} AND after *<> before\n"
            f"        AND coalesce(current_setting('{QUIET}', true), '') <> 'on'\n    THEN\n"
            f"        NEW.{column} := now();\n    END IF;\n    RETURN NEW;\nEND\n"
        )

    def _insert_template(self, source: Source) -> str:
        locals_, remotes = ([_escaped(name) for name in names] for names in zip(*source.pairs, strict=True))
        keys = _keys(source)
        return INSERT_TEMPLATE.format(
            quiet=QUIET,
            table=f"%1$s.{_escaped(self.table.name)}",
            column=_escaped(self.column),
            value=_escaped(source.column),
            referring=", ".join(f"inserted.{local} AS {key}" for local, key in zip(locals_, keys, strict=True)),
            places=", ".join(str(place) for place in range(1, len(keys) + 1)),
            ordered=", ".join(f"parent.{remote}" for remote in remotes),
        )

    def events(self) -> str:
        """When the trigger fires; what follows its name, without the table."""
        return "BEFORE UPDATE" if self.source is None else "AFTER INSERT"

    def rows(self) -> str:
        """For what the trigger fires; what follows the table."""
        return "FOR EACH ROW" if self.source is None else "REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT"


def body(trigger: LifecycleTrigger, schema: str, computed: Sequence[str]) -> str:
    """The function's body in a table of that schema with those computed columns, as :func:`comparable_body` has it."""
    parts = {"%%": "%", "%1$s": _quoted(schema), "%2$s": compared_part(computed), "%3$s": _refers(trigger.source)}
    return re.sub(r"%%|%[123]\$s", lambda found: parts[found[0]], trigger.template())


def comparable_body(present: str) -> str:
    """A body as PostgreSQL has it, without what the types of the key's columns decide: operators and collations."""
    plain = re.sub(rf" OPERATOR\({_NAME}\.[^\s)]+\) ", " = ", present)
    return re.sub(rf"(newest\.key_\d+) COLLATE {_NAME}\.{_NAME}", r"\1", plain)


_NAME = r'(?:"(?:[^"]|"")*"|\w+)'


def _refers(source: Source | None) -> str:
    if source is None:
        return ""
    remotes = (_quoted(remote) for _, remote in source.pairs)
    return " AND ".join(f"parent.{remote} = newest.{key}" for remote, key in zip(remotes, _keys(source), strict=True))


def _keys(source: Source) -> list[str]:
    """What the columns of the key are called in a list of parents."""
    return [f"key_{place}" for place in range(1, len(source.pairs) + 1)]


def compared_part(computed: Sequence[str]) -> str:
    """The declarations of the rows that are compared, and the statements that leave computed columns out of that.

    A BEFORE trigger comes before they are computed. One that is dropped by hand must not stop every UPDATE.
    """
    if not computed:
        return "    before ALIAS FOR OLD;\n    after ALIAS FOR NEW;\nBEGIN\n"
    return "    before record := OLD;\n    after record := NEW;\nBEGIN\n" + "".join(
        f"    BEGIN\n        before.{_quoted(column)} := NULL;\n        after.{_quoted(column)} := NULL;\n"
        "    EXCEPTION WHEN undefined_column THEN\n        NULL;\n    END;\n"
        for column in computed
    )


def trigger_from_remark(on: TableName, remark: str) -> LifecycleTrigger | None:
    """The trigger on a table whose function has that comment; None for a comment of somebody else's."""
    try:
        said = json.loads(remark)
        if said["alembic_cascade"] != "lifecycle":
            return None
        if "set_on" in said:
            return LifecycleTrigger(on, said["column"], security=said["security"])
        *_, column = said["set_from"]
        pairs = tuple((local, remote) for local, remote in said["pairs"])
        return LifecycleTrigger(TableName(*said["table"]), said["column"], Source(on, column, pairs), said["security"])
    except (KeyError, TypeError, ValueError):
        return None


def _quoted(name: str) -> str:
    """``name`` as an identifier; always in quotes, as the server does it for what it adds."""
    return '"' + name.replace('"', '""') + '"'


def _escaped(name: str) -> str:
    """``name`` as an identifier in what ``format`` reads."""
    return _quoted(name).replace("%", "%%")


def _fitting(name: str, label: str, *, always: bool = False) -> str:
    """``name`` in 63 bytes, with a digest of ``label`` where it has to be cut."""
    clipped = clipped_name(name)
    if clipped == name and not always:
        return name
    digest = "_" + sha256(label.encode()).hexdigest()[:DIGEST_LENGTH]
    whole = name + digest
    while clipped_name(whole) != whole:
        name = name[:-1]
        whole = name + digest
    return whole
