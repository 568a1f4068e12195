"""Seed 002: child tables that refer to a master's technical id, and are to refer to its business key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from project import catalogue, rows
from scenario import run_scenario
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, Uuid, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from seeds.examples import example_module

if TYPE_CHECKING:
    from project import Project

# The models as the seed has them after its work, with the indexes that it asks for.
MODELS = example_module("flows")
MASTER = MODELS.MASTER
TABLES = [MASTER, "data_imports", "discovery_flows", "raw_import_records"]


def models_before() -> MetaData:
    """As the seed found them: two keys to the wrong column, one missing, an index on one alone."""
    metadata = MetaData()
    Table(
        MASTER,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("flow_id", Uuid, unique=True, nullable=False),
        Column("flow_type", String(40), nullable=False),
    )
    Table(
        "data_imports",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("master_flow_id", Uuid, ForeignKey(f"{MASTER}.id", ondelete="CASCADE")),
    )
    Table(
        "raw_import_records",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("master_flow_id", Uuid, ForeignKey(f"{MASTER}.id")),
    )
    Table(
        "discovery_flows",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("master_flow_id", Uuid, index=True),
    )
    return metadata


FLOWS = [
    {"id": uuid4(), "flow_id": uuid4(), "flow_type": flow_type} for flow_type in ("discovery", "assessment", "planning")
]
# Which flow the rows 1 to 4 of every child mean: the first two have one each, the third none, the fourth shares.
MEANT = {1: "discovery", 2: "assessment", 3: None, 4: "discovery"}


def load(project: Project) -> None:
    """Rows as the seed found them: imports hold the flow's id, discovery flows its flow_id."""
    tables = models_before().tables
    with project.engine.begin() as connection:
        connection.execute(insert(tables[MASTER]), FLOWS)
        for table in TABLES[1:]:
            key = "flow_id" if table == "discovery_flows" else "id"
            values = {flow["flow_type"]: flow[key] for flow in FLOWS}
            connection.execute(
                insert(tables[table]),
                [{"id": row, "master_flow_id": values.get(flow)} for row, flow in MEANT.items()],
            )


def run_seed(project: Project) -> None:
    """The seed's work: the revision, compared as it is written, then up, down and up with its rows."""
    project.create(models_before())
    load(project)
    run_scenario(
        project,
        before=None,
        after=MODELS.Base.metadata,
        tables=TABLES,
        upgrade="""\
op.create_index(op.f('ix_data_imports_master_flow_id'), 'data_imports', ['master_flow_id'], unique=False)
op.create_index(op.f('ix_raw_import_records_master_flow_id'), 'raw_import_records', ['master_flow_id'], unique=False)
op.drop_constraint(op.f('data_imports_master_flow_id_fkey'), 'data_imports', type_='foreignkey')
# data_imports.master_flow_id -> crewai_flow_state_extensions.flow_id: orphans go into the
# quarantine, as ON DELETE CASCADE would delete them
op.clean_orphans(
    'data_imports', 'crewai_flow_state_extensions', ['master_flow_id'], ['id'],
    strategy='quarantine', revision=revision, to_cols=['flow_id'],
)
op.translate_references(
    'data_imports', 'crewai_flow_state_extensions', ['master_flow_id'],
    from_cols=['id'], to_cols=['flow_id'],
)
op.create_foreign_key(op.f('data_imports_master_flow_id_fkey'), 'data_imports', 'crewai_flow_state_extensions', ['master_flow_id'], ['flow_id'], ondelete='CASCADE')
# discovery_flows.master_flow_id -> crewai_flow_state_extensions.flow_id: orphans go into the
# quarantine, as ON DELETE CASCADE would delete them
op.clean_orphans(
    'discovery_flows', 'crewai_flow_state_extensions', ['master_flow_id'], ['flow_id'],
    strategy='quarantine', revision=revision,
)
op.create_foreign_key(op.f('discovery_flows_master_flow_id_fkey'), 'discovery_flows', 'crewai_flow_state_extensions', ['master_flow_id'], ['flow_id'], ondelete='CASCADE')
op.drop_constraint(op.f('raw_import_records_master_flow_id_fkey'), 'raw_import_records', type_='foreignkey')
# raw_import_records.master_flow_id -> crewai_flow_state_extensions.flow_id: orphans go into the
# quarantine, as ON DELETE CASCADE would delete them
op.clean_orphans(
    'raw_import_records', 'crewai_flow_state_extensions', ['master_flow_id'], ['id'],
    strategy='quarantine', revision=revision, to_cols=['flow_id'],
)
op.translate_references(
    'raw_import_records', 'crewai_flow_state_extensions', ['master_flow_id'],
    from_cols=['id'], to_cols=['flow_id'],
)
op.create_foreign_key(op.f('raw_import_records_master_flow_id_fkey'), 'raw_import_records', 'crewai_flow_state_extensions', ['master_flow_id'], ['flow_id'], ondelete='CASCADE')
""",
        downgrade="""\
op.drop_constraint(op.f('raw_import_records_master_flow_id_fkey'), 'raw_import_records', type_='foreignkey')
# raw_import_records.master_flow_id -> crewai_flow_state_extensions.id: orphans stop the migration,
# as ON DELETE NO ACTION would stop a delete
op.clean_orphans(
    'raw_import_records', 'crewai_flow_state_extensions', ['master_flow_id'], ['flow_id'],
    strategy='fail', revision=revision, to_cols=['id'],
)
op.translate_references(
    'raw_import_records', 'crewai_flow_state_extensions', ['master_flow_id'],
    from_cols=['flow_id'], to_cols=['id'],
)
op.create_foreign_key(op.f('raw_import_records_master_flow_id_fkey'), 'raw_import_records', 'crewai_flow_state_extensions', ['master_flow_id'], ['id'])
op.restore_orphans(
    'raw_import_records', 'crewai_flow_state_extensions', ['master_flow_id'], ['id'],
    revision=revision,
)
op.drop_constraint(op.f('discovery_flows_master_flow_id_fkey'), 'discovery_flows', type_='foreignkey')
op.restore_orphans(
    'discovery_flows', 'crewai_flow_state_extensions', ['master_flow_id'], ['flow_id'],
    revision=revision,
)
op.drop_constraint(op.f('data_imports_master_flow_id_fkey'), 'data_imports', type_='foreignkey')
# data_imports.master_flow_id -> crewai_flow_state_extensions.id: orphans go into the quarantine, as
# ON DELETE CASCADE would delete them
op.clean_orphans(
    'data_imports', 'crewai_flow_state_extensions', ['master_flow_id'], ['flow_id'],
    strategy='quarantine', revision=revision, to_cols=['id'],
)
op.translate_references(
    'data_imports', 'crewai_flow_state_extensions', ['master_flow_id'],
    from_cols=['flow_id'], to_cols=['id'],
)
op.create_foreign_key(op.f('data_imports_master_flow_id_fkey'), 'data_imports', 'crewai_flow_state_extensions', ['master_flow_id'], ['id'], ondelete='CASCADE')
op.restore_orphans(
    'data_imports', 'crewai_flow_state_extensions', ['master_flow_id'], ['id'],
    revision=revision,
)
op.drop_index(op.f('ix_raw_import_records_master_flow_id'), table_name='raw_import_records')
op.drop_index(op.f('ix_data_imports_master_flow_id'), table_name='data_imports')
""",
    )


def meant_by(project: Project, model: Any) -> dict[int, str | None]:
    """Which flow each row refers to, through the relationship."""
    with Session(project.engine) as session:
        found = session.execute(
            select(model.id, MODELS.CrewAIFlowStateExtensions.flow_type)
            .join(model.master_flow, isouter=True)
            .order_by(model.id)
        )
        return {row.id: row.flow_type for row in found}


def test_the_keys_refer_to_the_business_key_and_back(project: Project) -> None:
    """The seed's author cleared away as orphans what had only another column's value."""
    run_seed(project)
    assert meant_by(project, MODELS.DataImport) == MEANT
    assert meant_by(project, MODELS.RawImportRecord) == MEANT
    assert meant_by(project, MODELS.DiscoveryFlow) == MEANT


@pytest.mark.parametrize("by", ["SQL", "ORM"])
def test_a_deleted_master_flow_takes_its_children_along(project: Project, by: str) -> None:
    """It is what the seed was after; the child without a flow, and another's, stay."""
    run_seed(project)
    if by == "SQL":
        project.execute(f"DELETE FROM {MASTER} WHERE flow_type = 'discovery'")
    else:
        with Session(project.engine) as session, session.begin():
            session.delete(
                session.scalars(select(MODELS.CrewAIFlowStateExtensions).filter_by(flow_type="discovery")).one()
            )
    for table in TABLES[1:]:
        assert project.fetch(f"SELECT id FROM {table} ORDER BY id") == [(2,), (3,)], table


def test_a_reference_without_its_flow_is_set_aside_and_comes_back(project: Project) -> None:
    """The seed's author deleted such rows; by the rule of the key they go, and by the downgrade they are there again."""
    project.create(models_before())
    load(project)
    project.metadata = MODELS.Base.metadata
    project.revision()
    project.execute("UPDATE discovery_flows SET master_flow_id = gen_random_uuid() WHERE id IN (2, 4)")
    with project.engine.connect() as connection:
        start = catalogue(connection), dict(rows(connection, TABLES))
    project.upgrade()
    project.check()
    assert project.fetch("SELECT id FROM discovery_flows ORDER BY id") == [(1,), (3,)]
    project.downgrade()
    with project.engine.connect() as connection:
        assert (catalogue(connection), dict(rows(connection, TABLES))) == start


def test_a_reference_that_can_not_be_translated_is_set_aside_and_comes_back(project: Project) -> None:
    """Left in place it would hold a value of another meaning, and might happen to hit another flow."""
    project.create(models_before())
    load(project)
    project.execute(f"ALTER TABLE {MASTER} ALTER flow_id DROP NOT NULL")
    project.execute(f"UPDATE {MASTER} SET flow_id = NULL WHERE flow_type = 'assessment'")
    project.execute("DELETE FROM discovery_flows WHERE id = 2")
    project.execute("ALTER TABLE raw_import_records DROP CONSTRAINT raw_import_records_master_flow_id_fkey")
    project.execute(
        "UPDATE raw_import_records SET master_flow_id = gen_random_uuid() WHERE id = 4",
        "ALTER TABLE raw_import_records ADD CONSTRAINT raw_import_records_master_flow_id_fkey "
        f"FOREIGN KEY (master_flow_id) REFERENCES {MASTER} NOT VALID",
    )
    project.options = {"include_object": lambda _object, name, *_: name != "flow_id"}
    project.metadata = MODELS.Base.metadata
    project.revision()
    with project.engine.connect() as connection:
        start = catalogue(connection), dict(rows(connection, TABLES))
    project.upgrade()
    assert project.fetch("SELECT id FROM data_imports ORDER BY id") == [(1,), (3,), (4,)]
    assert project.fetch("SELECT id FROM raw_import_records ORDER BY id") == [(1,), (3,)]
    project.downgrade()
    with project.engine.connect() as connection:
        assert (catalogue(connection), dict(rows(connection, TABLES))) == start


def test_a_check_in_the_same_revision_refuses_values_that_are_invalid(project: Project) -> None:
    """The seed asks for such flow types by a script; rows that have one stop the whole revision, and no key is changed."""
    project.create(models_before())
    load(project)
    project.execute(f"INSERT INTO {MASTER} VALUES (gen_random_uuid(), gen_random_uuid(), 'nonsense')")
    project.metadata = MODELS.Base.metadata
    project.revision(rev_id="r1")
    (file,) = (project.path / "versions").glob("r1_*.py")
    check = f"op.create_check_constraint(\"flow_type\", \"{MASTER}\", \"flow_type IN ('discovery', 'assessment', 'planning')\")"
    file.write_text(
        file.read_text().replace(
            "\n\n\ndef downgrade():\n",
            f"\n    {check}\n\n\ndef downgrade():\n    op.drop_constraint('flow_type', '{MASTER}')\n",
        )
    )
    with project.engine.connect() as connection:
        start = catalogue(connection), dict(rows(connection, TABLES))
    with pytest.raises(IntegrityError, match="flow_type"):
        project.upgrade()
    with project.engine.connect() as connection:
        assert (catalogue(connection), dict(rows(connection, TABLES))) == start
    project.execute(f"DELETE FROM {MASTER} WHERE flow_type = 'nonsense'")
    project.upgrade()
    assert meant_by(project, MODELS.DataImport) == MEANT
    with pytest.raises(IntegrityError, match="flow_type"):
        project.execute(f"UPDATE {MASTER} SET flow_type = 'nonsense'")
    project.downgrade()
