from sqlalchemy import Column, DateTime, ForeignKey, Identity, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True), Column("name", Text))
Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("reply_to", ForeignKey("messages.id", ondelete="SET NULL")),
    Column("body", JSONB),
)
Table(
    "reactions",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True)),
)
Table("flags", metadata, Column("reaction_id", ForeignKey("reactions.id", ondelete="CASCADE")), Column("note", Text))
