"""Rows of tables with all kinds of columns and constraints: made, copied or taken, and never passed over in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proof.proved import all_proofs, execute, not_proved, told

if TYPE_CHECKING:
    from sqlalchemy import Engine

PARENT = "CREATE TABLE parents (id integer PRIMARY KEY)"
CHILD = "CREATE TABLE children (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES parents ON DELETE CASCADE, {})"

TYPES = [
    "smallint", "integer", "bigint", "numeric", "numeric(3,2)", "numeric(2,2)", "real", "double precision", "money", "oid",
    "boolean", "text", "varchar(3)", "char(1)", "char(2)", '"char"', "name", "bytea", "uuid", "date", "timestamp", "timestamptz",
    "time", "timetz", "interval", "json", "jsonb", "jsonpath", "inet", "cidr", "macaddr", "macaddr8", "bit", "bit(3)",
    "varbit(4)", "tsvector", "tsquery", "point", "line", "lseg", "box", "path", "polygon", "circle", "pg_lsn", "int4range",
    "int8range", "numrange", "daterange", "tsrange", "tstzrange", "int4multirange", "datemultirange", "integer[]", "text[]",
    "integer[][]", "uuid[]", "date[]",
]  # fmt: skip


def test_every_type_of_postgresql_has_a_value(engine: Engine) -> None:
    """A table is not left out because of one of its columns."""
    columns = ", ".join(f"c{place} {type_} NOT NULL" for place, type_ in enumerate(TYPES))
    execute(engine, PARENT, CHILD.format(columns))
    found = all_proofs(engine)
    assert told(found) == [("children.parent_id -> parents.id", "proved", "gone")], found[0].reason


UNIQUE_TYPES = [
    "smallint", "integer", "bigint", "numeric(6,2)", "boolean", "text", "varchar(4)", "char(3)", "bytea", "uuid", "date",
    "timestamptz", "time", "interval", "inet", "macaddr", "bit(20)", "pg_lsn", "int4range", "tstzrange",
]  # fmt: skip


@pytest.mark.parametrize("type_", UNIQUE_TYPES)
def test_unique_columns_get_other_values_in_each_row(engine: Engine, type_: str) -> None:
    """Several rows are made for a proof, and others exist."""
    execute(
        engine,
        f"CREATE TABLE parents (id {type_} PRIMARY KEY)",
        f"CREATE TABLE children (id {type_} PRIMARY KEY, parent_id {type_} REFERENCES parents ON DELETE CASCADE)",
    )
    assert not_proved(all_proofs(engine)) == []


def test_rows_that_exist_are_not_in_the_way(engine: Engine) -> None:
    """A table in use has the low numbers, and perhaps very many."""
    execute(
        engine,
        "CREATE TABLE parents (id integer PRIMARY KEY, code varchar(6) UNIQUE NOT NULL)",
        "CREATE TABLE children (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES parents ON DELETE CASCADE)",
        "INSERT INTO parents SELECT n, 'v' || n FROM generate_series(1, 20000) n",
        "INSERT INTO children SELECT n, n FROM generate_series(1, 20000) n",
    )
    assert not_proved(all_proofs(engine)) == []


CHECKS = {
    "a list": "status text NOT NULL CHECK (status IN ('open', 'done'))",
    "a list of numbers": "level smallint NOT NULL CHECK (level IN (3, 7))",
    "a range": "priority integer NOT NULL CHECK (priority BETWEEN 61000 AND 62000)",
    "a range below zero": "depth numeric(8,3) NOT NULL CHECK (depth < -10.5 AND depth > -11)",
    "a length": "code text NOT NULL CHECK (length(code) = 7)",
    "least and most": "name varchar(30) NOT NULL CHECK (char_length(name) >= 12 AND char_length(name) <= 14)",
    "an e-mail address": r"email text NOT NULL UNIQUE CHECK (email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$')",
    "a like": "email text NOT NULL CHECK (email LIKE '%@%.%')",
    "lower case": "slug text NOT NULL CHECK (slug = lower(slug) AND slug <> '')",
    "upper case": "country char(2) NOT NULL CHECK (country ~ '^[A-Z]{2}$')",
    "an own pattern": r"number text NOT NULL UNIQUE CHECK (number ~ '^INV-\d{4}-[0-9]{6}$')",
    "alternatives": "colour text NOT NULL CHECK (colour ~ '^(#[0-9a-f]{6}|red|green)$')",
    "dates in order": "begins date NOT NULL, ends date NOT NULL, CHECK (ends > begins)",
    "a date behind": "born date NOT NULL CHECK (born < '1990-01-01')",
    "one of two": "a integer, b integer, CHECK (num_nonnulls(a, b) = 1)",
    "if then": "kind text NOT NULL CHECK (kind IN ('a', 'b')), note text, CHECK (kind <> 'a' OR note IS NOT NULL)",
    "a default that is refused": "status text NOT NULL DEFAULT 'x' CHECK (status <> 'x')",
    "json": """data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'array')""",
    "json with a key": """data jsonb NOT NULL CHECK (data ? 'name')""",
    "an array that is not empty": "tags text[] NOT NULL CHECK (cardinality(tags) > 0)",
    "a generated column": "a integer NOT NULL, twice integer GENERATED ALWAYS AS (a * 2) STORED CHECK (twice > 100 AND twice < 104)",
    "an expression": "a integer NOT NULL, b integer NOT NULL, CHECK (a + b = 10 AND a > b)",
    "a digest": "hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$')",
}


@pytest.mark.parametrize("check", CHECKS)
def test_values_are_found_that_a_check_lets_pass(engine: Engine, check: str) -> None:
    """They are tried on the server, which alone knows what its conditions mean."""
    execute(engine, PARENT, CHILD.format(CHECKS[check]))
    assert not_proved(all_proofs(engine)) == []


SCHEMAS = {
    "enums": [
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        PARENT,
        CHILD.format("mood mood NOT NULL, moods mood[] NOT NULL"),
    ],
    "an enum as a key": [
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'fine')",
        "CREATE TABLE parents (id mood PRIMARY KEY)",
        "CREATE TABLE children (id integer PRIMARY KEY, parent_id mood REFERENCES parents ON DELETE CASCADE)",
    ],
    "domains": [
        r"CREATE DOMAIN email AS text NOT NULL CHECK (VALUE ~ '^[^@]+@[^@]+$')",
        "CREATE DOMAIN work_email AS email CHECK (VALUE LIKE '%@example.com')",
        "CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100)",
        PARENT,
        CHILD.format("email work_email UNIQUE, share percent NOT NULL"),
    ],
    "a domain as a key": [
        "CREATE DOMAIN number AS integer CHECK (VALUE > 5000)",
        "CREATE TABLE parents (id number PRIMARY KEY)",
        "CREATE TABLE children (id integer PRIMARY KEY, parent_id number REFERENCES parents ON DELETE SET NULL)",
    ],
    "generated and identity columns": [
        "CREATE TABLE parents (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice integer GENERATED ALWAYS AS (7) STORED)",
        "CREATE TABLE children (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, parent_id integer REFERENCES parents ON DELETE CASCADE)",
    ],
    "nothing but a key": [
        "CREATE TABLE parents (id serial PRIMARY KEY)",
        "CREATE TABLE children (parent_id integer REFERENCES parents ON DELETE SET NULL)",
    ],
    "a key to unique columns": [
        "CREATE TABLE parents (id serial PRIMARY KEY, a integer, b text, UNIQUE (a, b))",
        "CREATE TABLE children (id serial PRIMARY KEY, x integer, y text, FOREIGN KEY (x, y) REFERENCES parents (a, b) ON DELETE SET NULL (y))",
    ],
    "self-reference": [
        "CREATE TABLE nodes (id integer PRIMARY KEY, parent_id integer REFERENCES nodes ON DELETE CASCADE)",
    ],
    "self-reference that may not be NULL": [
        "CREATE TABLE nodes (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES nodes ON DELETE CASCADE)",
    ],
    "self-reference of a serial": [
        "CREATE TABLE nodes (id serial PRIMARY KEY, parent_id integer NOT NULL REFERENCES nodes ON DELETE RESTRICT)",
    ],
    "one to one": [
        "CREATE TABLE parents (id serial PRIMARY KEY)",
        "CREATE TABLE children (parent_id integer PRIMARY KEY REFERENCES parents ON DELETE CASCADE)",
        "CREATE TABLE grandchildren (child_id integer PRIMARY KEY REFERENCES children ON DELETE CASCADE)",
    ],
    "a link": [
        "CREATE TABLE users (id serial PRIMARY KEY)",
        "CREATE TABLE groups (id serial PRIMARY KEY)",
        "CREATE TABLE members (user_id integer REFERENCES users ON DELETE CASCADE, group_id integer REFERENCES groups ON DELETE CASCADE, PRIMARY KEY (user_id, group_id))",
    ],
    "a link to oneself": [
        "CREATE TABLE users (id serial PRIMARY KEY)",
        "CREATE TABLE follows (a integer REFERENCES users ON DELETE CASCADE, b integer REFERENCES users ON DELETE CASCADE, PRIMARY KEY (a, b), CHECK (a <> b))",
    ],
    "a circle": [
        "CREATE TABLE a (id serial PRIMARY KEY, b_id integer NOT NULL)",
        "CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL REFERENCES a)",
        "ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b ON DELETE CASCADE",
    ],
    "a circle that is checked late": [
        "CREATE TABLE a (id integer PRIMARY KEY, b_id integer NOT NULL)",
        "CREATE TABLE b (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a_id integer NOT NULL REFERENCES a DEFERRABLE INITIALLY DEFERRED)",
        "ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b DEFERRABLE INITIALLY DEFERRED",
    ],
    "tenants": [
        "CREATE TABLE tenants (id serial PRIMARY KEY)",
        "CREATE TABLE projects (tenant_id integer NOT NULL REFERENCES tenants ON DELETE CASCADE, id integer, PRIMARY KEY (tenant_id, id))",
        "CREATE TABLE users (tenant_id integer NOT NULL REFERENCES tenants ON DELETE CASCADE, id integer, PRIMARY KEY (tenant_id, id))",
        "CREATE TABLE tasks (tenant_id integer NOT NULL REFERENCES tenants ON DELETE CASCADE, id integer, project_id integer NOT NULL, user_id integer, PRIMARY KEY (tenant_id, id),"
        " FOREIGN KEY (tenant_id, project_id) REFERENCES projects ON DELETE CASCADE,"
        " FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE SET NULL (user_id))",
    ],
    "one of several parents": [
        "CREATE TABLE posts (id serial PRIMARY KEY)",
        "CREATE TABLE photos (id serial PRIMARY KEY)",
        "CREATE TABLE likes (id serial PRIMARY KEY, post_id integer REFERENCES posts ON DELETE CASCADE, photo_id integer REFERENCES photos ON DELETE CASCADE, CHECK (num_nonnulls(post_id, photo_id) = 1))",
        "CREATE TABLE reports (id serial PRIMARY KEY, like_id integer NOT NULL REFERENCES likes ON DELETE CASCADE)",
    ],
    "set default": [
        "CREATE TABLE parents (id integer PRIMARY KEY)",
        "CREATE TABLE children (id integer PRIMARY KEY, parent_id integer NOT NULL DEFAULT 5 REFERENCES parents ON DELETE SET DEFAULT)",
    ],
    "restricted": [
        "CREATE TABLE parents (id integer PRIMARY KEY)",
        "CREATE TABLE children (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES parents ON DELETE RESTRICT)",
        "CREATE TABLE others (id integer PRIMARY KEY, parent_id integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED)",
    ],
    "partitions": [
        "CREATE TABLE parents (id integer, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
        "CREATE TABLE parents_2031 PARTITION OF parents FOR VALUES FROM ('2031-01-01') TO ('2032-01-01')",
        "CREATE TABLE children (id integer, kind text, parent_id integer, at date, FOREIGN KEY (parent_id, at) REFERENCES parents ON DELETE CASCADE) PARTITION BY LIST (kind)",
        "CREATE TABLE children_a PARTITION OF children FOR VALUES IN ('a') PARTITION BY HASH (id)",
        "CREATE TABLE children_a1 PARTITION OF children_a FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    ],
    "a key of one partition": [
        PARENT,
        "CREATE TABLE children (id integer, parent_id integer) PARTITION BY RANGE (id)",
        "CREATE TABLE children_1 PARTITION OF children FOR VALUES FROM (50) TO (60)",
        "ALTER TABLE children_1 ADD FOREIGN KEY (parent_id) REFERENCES parents ON DELETE CASCADE",
    ],
    "inheritance": [
        PARENT,
        "CREATE TABLE more_parents (extra text NOT NULL) INHERITS (parents)",
        "CREATE TABLE children (id integer PRIMARY KEY, parent_id integer REFERENCES parents ON DELETE CASCADE)",
        "CREATE TABLE more_children () INHERITS (children)",
    ],
    "an exclusion": [
        PARENT,
        CHILD.format("during int4range NOT NULL, EXCLUDE USING gist (during WITH &&)"),
    ],
    "an index on an expression": [
        PARENT,
        CHILD.format("email varchar(40) NOT NULL") + "; CREATE UNIQUE INDEX ON children (lower(email))",
    ],
    "nasty names": [
        'CREATE SCHEMA "Other: %s"',
        'CREATE TABLE "Other: %s"."a""b" ("the id" integer PRIMARY KEY)',
        'CREATE TABLE "sel:ect" ("or""der" integer PRIMARY KEY, "%(x)s" integer NOT NULL REFERENCES "Other: %s"."a""b" ON DELETE CASCADE)',
    ],
    "triggers of the user's": [
        PARENT,
        CHILD.format("touched integer"),
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := 1; RETURN NEW; END $$",
        "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON children FOR EACH ROW EXECUTE FUNCTION touch()",
    ],
    "a trigger at the end": [
        PARENT,
        CHILD.format("note text"),
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not complete'; END $$",
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON children DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_keys_of_all_kinds_are_proved(engine: Engine, schema: str) -> None:
    """A kind of table that is "not provable" would be the one that a project has."""
    execute(engine, *SCHEMAS[schema])
    found = all_proofs(engine)
    assert not_proved(found) == []
    assert found
