from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from alembic_cascade import CascadeConfig, configure_options

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True), Column("code", Integer, unique=True))
Table("people", metadata, Column("id", Integer, primary_key=True))
Table(
    "posts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("editor_id", ForeignKey("users.id", ondelete="CASCADE")),
)
Table(
    "likes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("post_id", ForeignKey("posts.id", ondelete="CASCADE")),
)
Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("people.id", ondelete="CASCADE")),
)
Table(
    "marks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_code", ForeignKey("users.code", ondelete="SET NULL")),
)
Table(
    "tags",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("post_id", ForeignKey("posts.id", ondelete="SET NULL")),
    Column("note_id", Integer),
)
options = configure_options(CascadeConfig(concurrently=True, index_foreign_keys=True))
