"""Flows of work: a master for each, what was imported for it, and what was discovered by it.

A master has two identifiers: ``id`` is the table's own, ``flow_id`` the one by which everybody speaks of the flow.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

MASTER = "crewai_flow_state_extensions"


class Base(DeclarativeBase):
    """The base of all models; its metadata is what env.py hands to Alembic."""


class CrewAIFlowStateExtensions(Base):
    __tablename__ = MASTER
    __table_args__ = (CheckConstraint("flow_type IN ('discovery', 'assessment', 'planning')", name="ck_flow_type"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    flow_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    flow_type: Mapped[str] = mapped_column(String(40))

    discovery_flows: Mapped[list[DiscoveryFlow]] = relationship(
        foreign_keys="DiscoveryFlow.master_flow_id",
        primaryjoin="CrewAIFlowStateExtensions.flow_id == DiscoveryFlow.master_flow_id",
        back_populates="master_flow",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    data_imports: Mapped[list[DataImport]] = relationship(
        foreign_keys="DataImport.master_flow_id",
        primaryjoin="CrewAIFlowStateExtensions.flow_id == DataImport.master_flow_id",
        back_populates="master_flow",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    raw_import_records: Mapped[list[RawImportRecord]] = relationship(
        foreign_keys="RawImportRecord.master_flow_id",
        primaryjoin="CrewAIFlowStateExtensions.flow_id == RawImportRecord.master_flow_id",
        back_populates="master_flow",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


class DataImport(Base):
    __tablename__ = "data_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    master_flow_id: Mapped[UUID | None] = mapped_column(ForeignKey(f"{MASTER}.flow_id", ondelete="CASCADE"), index=True)

    master_flow: Mapped[CrewAIFlowStateExtensions | None] = relationship(back_populates="data_imports")


class RawImportRecord(Base):
    __tablename__ = "raw_import_records"

    id: Mapped[int] = mapped_column(primary_key=True)
    master_flow_id: Mapped[UUID | None] = mapped_column(ForeignKey(f"{MASTER}.flow_id", ondelete="CASCADE"), index=True)

    master_flow: Mapped[CrewAIFlowStateExtensions | None] = relationship(back_populates="raw_import_records")


class DiscoveryFlow(Base):
    __tablename__ = "discovery_flows"

    id: Mapped[int] = mapped_column(primary_key=True)
    master_flow_id: Mapped[UUID | None] = mapped_column(ForeignKey(f"{MASTER}.flow_id", ondelete="CASCADE"), index=True)

    master_flow: Mapped[CrewAIFlowStateExtensions | None] = relationship(back_populates="discovery_flows")
