from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from alembic_cascade import CascadeConfig, configure_options

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True))
Table(
    "order",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user:id", ForeignKey("users.id", ondelete="CASCADE")),
    Column('by "hand"', ForeignKey("users.id", ondelete="SET DEFAULT"), server_default="1"),
    schema="Äußere %s",
)
options = {
    "include_schemas": True,
    **configure_options(
        CascadeConfig(
            max_orphans=5,
            trust_valid_keys=False,
            quarantine_schema="Aside",
            orphan_overrides={"*.order.user:id": "quarantine"},
        )
    ),
}
