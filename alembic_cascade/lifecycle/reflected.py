"""Triggers that keep lifecycle columns, as the database has them; ours are known by the comment of their function.

https://www.postgresql.org/docs/current/catalog-pg-trigger.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.triggers import SEARCH_PATH, LifecycleTrigger, body, comparable_body, trigger_from_remark
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import verbatim

# TRIGGER_TYPE_ROW | _BEFORE | _UPDATE, and TRIGGER_TYPE_INSERT for a statement, of PostgreSQL's catalog/pg_trigger.h.
BEFORE_ROW_UPDATE = 19
AFTER_STATEMENT_INSERT = 4


@dataclass(frozen=True)
class PresentTrigger:
    """A trigger of ours: what its comment says it is, and what it is."""

    trigger: LifecycleTrigger
    schema: str
    table: str
    name: str
    function: str
    body: str
    remark: str
    definer: bool
    computed: tuple[str, ...]
    is_usual: bool
    definition: tuple[str, ...]

    def named(self, on: TableName) -> LifecycleTrigger:
        """What its comment says it is, with its table as the models spell it."""
        if self.trigger.source is None:
            return replace(self.trigger, table=on)
        return replace(self.trigger, source=replace(self.trigger.source, table=on))

    def is_like(self, wanted: LifecycleTrigger, schema: str, computed: Sequence[str]) -> bool:
        """Whether it is what ``wanted`` would be made as, for a table in ``schema`` with those computed columns."""
        return (
            self.is_usual
            and (self.name, self.function, self.remark) == (wanted.name, wanted.function, wanted.remark)
            and self.definer == (wanted.security == "definer")
            and comparable_body(self.body) == body(wanted, schema, computed)
        )


@dataclass(frozen=True)
class OtherTrigger:
    """A trigger of somebody else's."""

    schema: str
    table: str
    before_update: bool
    after_insert: bool
    body: str
    arguments: str

    def writes(self, schema: str, wanted: LifecycleTrigger) -> bool:
        """Whether it keeps the same column: it is on the same table, fires then, and assigns to the column."""
        fires = self.before_update if wanted.source is None else self.after_insert
        if not fires or (self.schema, self.table) != (schema, wanted.on.name):
            return False
        column = rf'"?{re.escape(wanted.column)}"?'
        if wanted.source is None and self._assigns_to_arguments():
            return re.search(rf"(?<!\w){column}(?!\w)", self.arguments) is not None
        code = re.sub(r"--[^\n]*|/\*.*?\*/", " ", self.body, flags=re.DOTALL)
        if wanted.source is None:
            # A statement that begins with it, not a comparison of it.
            begins = r"(?:^|;|\bBEGIN|\bTHEN|\bELSE|\bLOOP|\bINTO)\s*"
            return re.search(rf"{begins}NEW\s*\.\s*{column}\s*(?::?=|;|\bFROM\b)", code, re.IGNORECASE) is not None
        table = rf'"?{re.escape(wanted.table.name)}"?'
        return (
            re.search(rf"\bUPDATE\b[^;]*(?<!\w){table}(?!\w)[^;]*\bSET\b[^;]*{column}\s*=", code, re.IGNORECASE)
            is not None
        )

    def _assigns_to_arguments(self) -> bool:
        """Whether its function writes the columns that its arguments name.

        https://www.postgresql.org/docs/current/contrib-spi.html has moddatetime.
        """
        return self.body == "moddatetime" or "TG_ARGV" in self.body.upper()


def present_triggers(connection: Connection) -> list[PresentTrigger]:
    """All triggers of ours in the database, in the order of their tables."""
    found = []
    for row in connection.execute(verbatim(read_query("alembic_cascade.lifecycle", "present_triggers"))).mappings():
        trigger = trigger_from_remark(TableName(None, row["table"]), row["remark"])
        if trigger is None:
            continue
        kind = BEFORE_ROW_UPDATE if trigger.source is None else AFTER_STATEMENT_INSERT
        transition = None if trigger.source is None else "inserted"
        found.append(
            PresentTrigger(
                trigger=trigger,
                schema=row["schema"],
                table=row["table"],
                name=row["name"],
                function=row["function"],
                body=row["body"],
                remark=row["remark"],
                definer=row["definer"],
                computed=tuple(row["computed"]),
                is_usual=row["is_plain"]
                and (row["kind"], row["transition"]) == (kind, transition)
                and row["settings"] == [f"search_path={SEARCH_PATH}"],
                definition=tuple(row["definition"]),
            )
        )
    return found


def other_triggers(connection: Connection) -> list[OtherTrigger]:
    """The triggers of others that fire before a row is updated, or after rows were inserted."""
    rows = connection.execute(verbatim(read_query("alembic_cascade.lifecycle", "other_triggers")))
    return [
        OtherTrigger(schema, table, before_update, after_insert, body, _arguments(encoded))
        for schema, table, before_update, after_insert, body, encoded in rows
    ]


def _arguments(encoded: str) -> str:
    """The arguments of a trigger, each of which ends with a zero byte, in words between spaces."""
    return bytes.fromhex(encoded).replace(b"\0", b" ").decode(errors="replace")
