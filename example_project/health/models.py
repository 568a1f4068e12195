"""A health platform: users, and some seventy tables of what is known of them, none of which outlives its user."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from tables import DATED, KEYED_BY_USER, STAFF, TABLES


class Base(DeclarativeBase):
    """The base of all models; its metadata is what env.py hands to Alembic."""


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(100))
    is_active: Mapped[bool] = mapped_column(Boolean, server_default="true")


def name_of(table: str) -> str:
    """The model's name: ``vitals_raw_data`` is ``VitalsRawData``."""
    return table.title().replace("_", "")


def _model(table: str) -> type[Base]:
    """The model of a table, whose rows are a user's; the user's relationship has the table's name."""
    by_user = table in KEYED_BY_USER
    reference = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=by_user, nullable=False)
    attributes: dict[str, Any] = {"__tablename__": table, "__module__": __name__, "user_id": reference}
    if not by_user:
        reference.column.index = True
        attributes["id"] = mapped_column(Integer, primary_key=True)
    if table in STAFF:
        staff = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
        attributes[STAFF[table]] = staff
    if table in DATED:
        attributes["date"] = mapped_column(Date)
    attributes["note"] = mapped_column(String(80))
    attributes["user"] = relationship(User, foreign_keys=[reference], back_populates=table)
    model = type(name_of(table), (Base,), attributes)
    setattr(
        User,
        table,
        relationship(
            model,
            foreign_keys=[reference],
            back_populates="user",
            cascade="all, delete-orphan",
            passive_deletes=True,
            uselist=not by_user,
        ),
    )
    return model


MODELS = {table: _model(table) for table in TABLES}
