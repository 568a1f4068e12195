from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True))
Table("posts", metadata, Column("id", Integer, primary_key=True), Column("user_id", ForeignKey("users.id", ondelete="CASCADE")))
