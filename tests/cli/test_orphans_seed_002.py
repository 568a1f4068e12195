"""Seed 002: the questions of ``validate_flow_relationships.py``, asked by SQL written by hand, and by ``orphans``."""

from __future__ import annotations

import pytest
from orphaned import Site

MASTER = "crewai_flow_state_extensions"
# The seed's tables by the models as it leaves them: each child refers to the business key, and has a CASCADE.
CHILDREN = {"data_imports": "DataImport", "discovery_flows": "DiscoveryFlow", "raw_import_records": "RawImportRecord"}
MODELS = f"""\
class CrewAIFlowStateExtensions(Base):
    __tablename__ = "{MASTER}"
    id = Column(Uuid, primary_key=True)
    flow_id = Column(Uuid, unique=True, nullable=False)
""" + "".join(
    f"""

class {name}(Base):
    __tablename__ = "{table}"
    id = Column(Integer, primary_key=True)
    master_flow_id = Column(Uuid, ForeignKey("{MASTER}.flow_id", ondelete="CASCADE"))
    master_flow = relationship("CrewAIFlowStateExtensions")
"""
    for table, name in CHILDREN.items()
)
# Rows as years of work leave them: 40 flows, two of which share their flow_id with another one.
ROWS = (
    f"CREATE TABLE {MASTER} (id uuid PRIMARY KEY, flow_id uuid)",
    f"""INSERT INTO {MASTER}
    SELECT md5('id' || n)::uuid, md5('flow' || CASE WHEN n > 38 THEN n - 38 ELSE n END)::uuid FROM generate_series(1, 40) AS n""",
    *(f"CREATE TABLE {table} (id integer PRIMARY KEY, master_flow_id uuid)" for table in CHILDREN),
    # Every ninth has no flow, every seventh one that is gone.
    *(
        f"""INSERT INTO {table} SELECT n, CASE WHEN n % 9 = 0 THEN NULL WHEN n % 7 = 0 THEN md5('gone' || n)::uuid
        ELSE md5('flow' || 1 + n % 38)::uuid END FROM generate_series(1, {number}) AS n"""
        for table, number in zip(CHILDREN, (100, 300, 1000), strict=True)
    ),
)


def by_hand(site: Site, question: str) -> dict[str, int]:
    """What a query of the seed's kind answers for each child."""
    return {table: site.fetch(question.format(table=table))[0][0] for table in CHILDREN}


@pytest.fixture
def flows(site: Site) -> Site:
    """The database without a key, as it is when the seed's migration has dropped the wrong ones."""
    site.model(MODELS)
    site.execute(*ROWS)
    return site


def test_orphaned_records(flows: Site) -> None:
    """The script's checks 2 to 4."""
    orphans = by_hand(
        flows,
        f"""SELECT count(*) FROM {{table}} AS child LEFT JOIN (SELECT DISTINCT flow_id FROM {MASTER}) AS master
        ON master.flow_id = child.master_flow_id WHERE child.master_flow_id IS NOT NULL AND master.flow_id IS NULL""",
    )
    assert orphans == {"data_imports": 13, "discovery_flows": 38, "raw_import_records": 127}
    written = flows.document()
    assert {key["table"]: key["orphans"] for key in written["keys"]} == orphans
    assert {key["severity"] for key in written["keys"]} == {"error"}
    assert written["totals"]["orphans"] == sum(orphans.values())


def test_missing_master_entries(flows: Site) -> None:
    """And the statistics: all rows, those with a flow, those without one."""
    missing = by_hand(flows, "SELECT count(*) FROM {table} WHERE master_flow_id IS NULL")
    rows = by_hand(flows, "SELECT count(*) FROM {table}")
    keys = {key["table"]: key for key in flows.document()["keys"]}
    assert {table: key["null"] for table, key in keys.items()} == missing
    assert {table: key["null"] + key["references"] for table, key in keys.items()} == rows
    assert keys["data_imports"]["rate"] == 13 / 89


def test_duplicate_flow_ids(flows: Site) -> None:
    """The script's check 1: a unique constraint that the models declare can't be made."""
    ((groups, rows),) = flows.fetch(
        f"SELECT count(*), sum(n) FROM (SELECT count(*) AS n FROM {MASTER} GROUP BY flow_id HAVING count(*) > 1) AS found"
    )
    assert (groups, rows) == (2, 4)
    (found,) = flows.document()["duplicates"]
    assert (found["table"], found["columns"], found["rows"], len(found["samples"])) == (MASTER, ["flow_id"], 4, 2)
    # Told once, though three keys are to refer to it.
    assert flows.run().stdout.count("error duplicate-referent") == 1


def test_links_that_are_required(flows: Site) -> None:
    """Where the model says so, a flow that is missing is a finding."""
    flows.model(MODELS.replace('ondelete="CASCADE"))', 'ondelete="CASCADE"), nullable=False)'))
    missing = by_hand(flows, "SELECT count(*) FROM {table} WHERE master_flow_id IS NULL")
    assert {found["table"]: found["rows"] for found in flows.document()["null_links"]} == missing


def test_fix_orphans(flows: Site) -> None:
    """The seed's --fix-orphans deleted them; here they come back."""
    before = flows.everything()
    assert flows.run("--fix", "--yes", "--max-orphans", "none").exit_code == 1
    assert by_hand(
        flows, f"SELECT count(*) FROM {{table}} WHERE master_flow_id NOT IN (SELECT flow_id FROM {MASTER})"
    ) == dict.fromkeys(CHILDREN, 0)
    assert flows.document()["totals"]["orphans"] == 0
    (revision,) = {name.split("_public")[0] for name in flows.kept()}
    assert flows.run("restore", revision, "--yes", command="quarantine").exit_code == 0
    assert flows.everything() == before


def test_no_critical_issues_after_the_migration(flows: Site) -> None:
    """The script's last check: the keys stand, CASCADE and all, and nothing is left to find."""
    flows.execute(
        f"DELETE FROM {MASTER} WHERE id IN (md5('id39')::uuid, md5('id40')::uuid)",
        f"ALTER TABLE {MASTER} ADD UNIQUE (flow_id)",
    )
    assert flows.run("--fix", "--yes", "--max-orphans", "none").exit_code == 0
    flows.execute(
        *(
            f"ALTER TABLE {table} ADD FOREIGN KEY (master_flow_id) REFERENCES {MASTER} (flow_id) ON DELETE CASCADE"
            for table in CHILDREN
        )
    )
    result = flows.run()
    assert (result.stdout, result.exit_code) == (
        "0 orphans of 0 references, by 0 keys; 3 valid keys are not counted without --all\n",
        0,
    )
    assert flows.run("--all").exit_code == 0
