from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from alembic_cascade import CascadeConfig, configure_options

metadata = MetaData()
Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("boss", ForeignKey("people.id", ondelete="CASCADE")),
    Column("home", ForeignKey("homes.id", ondelete="SET NULL", use_alter=True)),
)
Table("homes", metadata, Column("id", Integer, primary_key=True), Column("owner", ForeignKey("people.id", ondelete="CASCADE")))
options = configure_options(CascadeConfig(quarantine_schema=None, orphans="on_delete"))
