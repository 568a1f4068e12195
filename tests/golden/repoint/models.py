from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

metadata = MetaData()
Table("flows", metadata, Column("id", Integer, primary_key=True), Column("flow_id", Integer, unique=True))
Table("imports", metadata, Column("id", Integer, primary_key=True), Column("flow", ForeignKey("flows.flow_id", ondelete="CASCADE")))
