"""Fill the empty tables: ``python load.py``, the same rows in every run.

Imports and their records hold the ``id`` of their flow, discovery flows its ``flow_id``. Some flows are gone, and some
rows never had one.
"""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, column, create_engine, insert, table, text

MASTER = "crewai_flow_state_extensions"
FLOWS = 40
TYPES = ("discovery", "assessment", "planning")
# How many rows each child has, and by which column of the master it refers.
CHILDREN = {"data_imports": (60, "id"), "raw_import_records": (240, "id"), "discovery_flows": (120, "flow_id")}
# Of these every so-manieth row is of a flow that is gone.
EVERY = {"raw_import_records": 40, "discovery_flows": 17}
WITHOUT_FLOW = 9

# This key came later, NOT VALID on account of the records that were there by then, and without a rule.
LATE_KEY = f"""
ALTER TABLE raw_import_records ADD CONSTRAINT raw_import_records_master_flow_id_fkey
    FOREIGN KEY (master_flow_id) REFERENCES {MASTER} (id) NOT VALID
"""

Rows = dict[str, list[dict[str, Any]]]


def known(name: str, flow: int) -> UUID:
    """An identifier of a flow, the same in every run."""
    return UUID(int=((1 if name == "id" else 2) << 64) + flow)


def meant(child: str, row: int) -> int | None:
    """The number of the flow that a row is about, or None; one above :data:`FLOWS` is gone."""
    if row % WITHOUT_FLOW == 0:
        return None
    if row % EVERY.get(child, row + 1) == 0:
        return FLOWS + row
    return 1 + row % FLOWS


def rows() -> Rows:
    """The rows of each table, parents before children."""
    drawn: Rows = {
        MASTER: [
            {"id": known("id", flow), "flow_id": known("flow_id", flow), "flow_type": TYPES[flow % len(TYPES)]}
            for flow in range(1, FLOWS + 1)
        ]
    }
    for child, (count, refers) in CHILDREN.items():
        flows = {row: meant(child, row) for row in range(1, count + 1)}
        drawn[child] = [
            {"id": row, "master_flow_id": None if flow is None else known(refers, flow)} for row, flow in flows.items()
        ]
    return drawn


def load(connection: Connection) -> int:
    """Insert all rows; returns how many there are."""
    drawn = rows()
    for name, values in drawn.items():
        connection.execute(insert(table(name, *map(column, values[0]))), values)
    connection.execute(text(LATE_KEY))
    return sum(map(len, drawn.values()))


if __name__ == "__main__":
    engine = create_engine(os.environ["DATABASE_URL"])
    with engine.begin() as opened:
        print(f"{load(opened):,} rows loaded")
