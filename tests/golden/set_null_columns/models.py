from sqlalchemy import Column, Computed, Enum, ForeignKeyConstraint, Integer, MetaData, Table

metadata = MetaData()
Table("orders", metadata, Column("tenant", Integer, primary_key=True), Column("number", Integer, primary_key=True))
Table(
    "lines",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", Integer, nullable=False),
    Column("order_number", Integer),
    Column("mood", Enum("good", "bad", name="mood")),
    Column("twice", Integer, Computed("order_number * 2", persisted=True)),
    ForeignKeyConstraint(
        ["tenant", "order_number"], ["orders.tenant", "orders.number"], ondelete="SET NULL (order_number)", name="lines_order"
    ),
)
