"""Seed 002: relationships by the flow's business identifier, keys that refer to its technical one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alembic_cascade.audit.auditing import audit
from audit.models import findings_of, imported, subject

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

MASTER = """\
class CrewAIFlowStateExtensions(Base):
    __tablename__ = "crewai_flow_state_extensions"
    id = Column(UUID(as_uuid=True), primary_key=True)
    flow_id = Column(UUID(as_uuid=True), unique=True, nullable=False)

    discovery_flows = relationship("DiscoveryFlow", foreign_keys="DiscoveryFlow.master_flow_id",
                                 primaryjoin="CrewAIFlowStateExtensions.flow_id == DiscoveryFlow.master_flow_id",
                                 back_populates="master_flow", cascade="all, delete-orphan")

    data_imports = relationship("DataImport", foreign_keys="DataImport.master_flow_id",
                               primaryjoin="CrewAIFlowStateExtensions.flow_id == DataImport.master_flow_id",
                               back_populates="master_flow", cascade="all, delete-orphan")

    raw_import_records = relationship("RawImportRecord", foreign_keys="RawImportRecord.master_flow_id",
                                    primaryjoin="CrewAIFlowStateExtensions.flow_id == RawImportRecord.master_flow_id",
                                    back_populates="master_flow", cascade="all, delete-orphan")
"""
CHILD = """\


class {name}(Base):
    __tablename__ = "{table}"
    id = Column(UUID(as_uuid=True), primary_key=True)
    {column}

    master_flow = relationship("CrewAIFlowStateExtensions", foreign_keys=[master_flow_id],
                               primaryjoin="CrewAIFlowStateExtensions.flow_id == {name}.master_flow_id",
                               back_populates="{back}")
"""
CHILDREN = {
    "DataImport": ("data_imports", "data_imports"),
    "RawImportRecord": ("raw_import_records", "raw_import_records"),
    "DiscoveryFlow": ("discovery_flows", "discovery_flows"),
}
RIGHT = (
    "master_flow_id = Column(UUID(as_uuid=True), "
    'ForeignKey("crewai_flow_state_extensions.flow_id", ondelete="CASCADE"), nullable=True)'
)
BEFORE = {
    "DataImport": RIGHT.replace(".flow_id", ".id"),
    "RawImportRecord": RIGHT.replace(".flow_id", ".id").replace(', ondelete="CASCADE"', ""),
    "DiscoveryFlow": "master_flow_id = Column(UUID(as_uuid=True), nullable=True, index=True)",
}
AFTER = dict.fromkeys(CHILDREN, RIGHT)

# The seed's first two issues, each once for its two sides. Its third, a key that is missing, is no mistake of a join:
# SQLAlchemy deletes the children by itself.
EXPECTED = ["DataImport.master_flow", "RawImportRecord.master_flow"]

# Neither the seed's models nor its migration give these keys an index.
UNINDEXED = [
    ("unindexed-foreign-key", f"{table}.master_flow_id -> crewai_flow_state_extensions.flow_id")
    for table in ("data_imports", "discovery_flows", "raw_import_records")
]


def models(keys: dict[str, str]) -> str:
    """The seed's models, with the relationships that it adds."""
    children = (
        CHILD.format(name=name, table=table, back=back, column=keys[name]) for name, (table, back) in CHILDREN.items()
    )
    return MASTER + "".join(children)


def test_before(tmp_path: Path) -> None:
    """Both wrong keys, and nothing else that is wrong: their rules are about other rows."""
    found = audit(subject(imported(tmp_path, models(BEFORE))))
    assert [finding.target for finding in findings_of("join-target-differs", found)] == EXPECTED
    assert found.findings[0].problem == (
        "it joins data_imports.master_flow_id to crewai_flow_state_extensions.flow_id, "
        "but the foreign key refers to crewai_flow_state_extensions.id"
    )
    assert [finding.rule for finding in found.findings if finding.severity.value == "error"] == [
        "join-target-differs",
        "join-target-differs",
    ]


def test_after(tmp_path: Path) -> None:
    """Nothing is wrong but speed; what the seed's cascades lack is to leave the children to the CASCADE that it gave them."""
    found = audit(subject(imported(tmp_path, models(AFTER))))
    assert [(finding.rule, finding.target) for finding in found.findings] == [
        *UNINDEXED,
        ("delete-loads-children", "CrewAIFlowStateExtensions.data_imports"),
        ("delete-loads-children", "CrewAIFlowStateExtensions.discovery_flows"),
        ("delete-loads-children", "CrewAIFlowStateExtensions.raw_import_records"),
    ]


def test_after_the_fix_of_that(tmp_path: Path) -> None:
    """Nothing is found."""
    indexed = dict.fromkeys(CHILDREN, RIGHT.replace("nullable=True", "nullable=True, index=True"))
    mended = models(indexed).replace(
        'cascade="all, delete-orphan"', 'cascade="all, delete-orphan", passive_deletes=True'
    )
    assert audit(subject(imported(tmp_path, mended))).findings == ()


def test_the_key_refuses_what_the_relationship_writes(tmp_path: Path, engine: Engine) -> None:
    """As the finding says."""
    for keys in (BEFORE, AFTER):
        module = imported(tmp_path, models(keys))
        module.Base.metadata.drop_all(engine)
        module.Base.metadata.create_all(engine)

        flow = module.CrewAIFlowStateExtensions(id=UUID(int=1), flow_id=UUID(int=2))
        with Session(engine) as session:
            session.add(module.DataImport(id=UUID(int=3), master_flow=flow))
            if keys is BEFORE:
                with pytest.raises(IntegrityError, match="violates foreign key constraint"):
                    session.flush()
            else:
                session.flush()
