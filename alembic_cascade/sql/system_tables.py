"""PostgreSQL's system catalogue as Core tables.

https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    Float,
    Integer,
    SmallInteger,
    Text,
    column,
    table,
)
from sqlalchemy.dialects.postgresql import OID
from sqlalchemy.sql import quoted_name

CATALOGUE = quoted_name("pg_catalog", quote=False)


pg_namespace = table("pg_namespace", column("oid", OID), column("nspname", Text), schema=CATALOGUE)


pg_class = table(
    "pg_class",
    column("oid", OID),
    column("relname", Text),
    column("relnamespace", OID),
    column("relkind", Text),
    column("relam", OID),
    column("relowner", OID),
    column("relacl", Text),
    column("reltuples", Float),
    column("relforcerowsecurity", Boolean),
    schema=CATALOGUE,
)


pg_attribute = table(
    "pg_attribute",
    column("attrelid", OID),
    column("attname", Text),
    column("attnum", SmallInteger),
    column("atttypid", OID),
    column("atttypmod", Integer),
    column("attnotnull", Boolean),
    column("attisdropped", Boolean),
    schema=CATALOGUE,
)


pg_constraint = table(
    "pg_constraint",
    column("oid", OID),
    column("conname", Text),
    column("connamespace", OID),
    column("contype", Text),
    column("conrelid", OID),
    column("confrelid", OID),
    column("conparentid", OID),
    column("conkey", ARRAY(SmallInteger)),
    column("confkey", ARRAY(SmallInteger)),
    column("confdelsetcols", ARRAY(SmallInteger)),
    column("confdeltype", Text),
    column("confupdtype", Text),
    column("confmatchtype", Text),
    column("condeferrable", Boolean),
    column("condeferred", Boolean),
    column("convalidated", Boolean),
    column("conenforced", Boolean),
    column("conperiod", Boolean),
    schema=CATALOGUE,
)


pg_inherits = table("pg_inherits", column("inhrelid", OID), schema=CATALOGUE)


pg_index = table(
    "pg_index",
    column("indexrelid", OID),
    column("indrelid", OID),
    column("indnkeyatts", SmallInteger),
    column("indisunique", Boolean),
    column("indisvalid", Boolean),
    column("indisready", Boolean),
    column("indpred", Text),
    schema=CATALOGUE,
)
