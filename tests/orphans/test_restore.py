"""Rows and values of every kind, set aside on the way up and given back to the letter on the way down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project import rows
from scenario import run_up_down_up

from orphans.posts import key_revision, make, quarantined

if TYPE_CHECKING:
    from project import Project

RULES = ("CASCADE", "SET NULL", "SET DEFAULT")

# Values of PostgreSQL's own types, in each row one; NULL fills up what is shorter.
OWN = {
    "smallint": ["-32768", "32767"],
    "numeric": ["'NaN'", "'-Infinity'", "(repeat('9', 5000) || '.' || repeat('1', 99))::numeric", "1.10000"],
    "numeric(12, 4)": ["'NaN'", "0.0000", "-1.5"],
    "float8": ["'-0'", "'NaN'", "'Infinity'", "'4.9e-324'", "0.1::float8 + 0.2", "1.7976931348623157e308"],
    "float4": ["'-0'", "'NaN'", "'1e-45'", "'0.1'", "16777217"],
    "money": ["'-92233720368547758.08'::numeric::money", "1.5::money"],
    "boolean": ["true", "false"],
    "text": [
        "''", "NULL", r"E'\\x41 \\\\ \\n'", r"E'\x01\x02\x1f\x7f\u0085\u2028'", "'\"quoted\", ''single'', $$, %s, :name, {}'",
        "'🐘 ñ n\u0303 \u202e'", "' blank '", "'NULL'",
    ],
    "varchar(3)": ["'ab '", "''"],
    "char(5)": ["'ab'", "''", "'  a'"],
    "bpchar": ["'ab  '", "'  '"],
    '"char"': ["'a'", "''"],
    "bytea": [r"'\x00ff5c27'", "''", "'\\x41'"],
    "bit(5)": ["B'10101'"],
    "bit varying": ["B'1'", "B''", "repeat('10', 100)::varbit"],
    "date": ["'infinity'", "'4713-01-01 BC'", "'2024-03-04'"],
    "time": ["'24:00'", "'12:34:56.789012'"],
    "timetz": ["'12:34:56.789012+15:59'", "'00:00-03:30'"],
    "timestamp": ["'2024-03-04 05:06:07.000001'", "'-infinity'", "'0044-03-15 12:00 BC'"],
    "timestamptz": ["'2024-03-31 01:59:59.999999+01'", "'infinity'", "'0001-12-31 23:59:59+00 BC'"],
    "timestamp(0)": ["'2024-03-04 05:06:07'"],
    "interval": ["'-1 day +2 hours'", "'1 year -1 month 0.000001 s'", "'-1 year -2 mons +3 days -04:05:06'"],
    "interval day to minute": ["'3 days 4:05'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'"],
    "json": ["'{\"a\":1,  \"a\": 2 , \"b\":[1.0,1e2]}'", "'null'"],
    "jsonb": ["'{\"a\": [1.10, null, \"\\u00e9\"]}'", "'null'", "'\"\"'"],
    "jsonpath": ["'$.a[*] ? (@ > 1)'"],
    "inet": ["'10.0.0.1'", "'10.0.0.1/8'", "'::1/64'"],
    "cidr": ["'10.0.0.0/8'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "tsvector": ["'a:1A b:2,3 ''it''''s'''"],
    "tsquery": ["'a & !(b <2> c:*A)'"],
    "point": ["'(0.1,-0)'"],
    "polygon": ["'((0,0),(1,1),(2,0.1))'"],
    "int4range": ["'empty'", "'(,)'", "'[1,5)'"],
    "tstzrange": ["'[2024-03-04 05:06:07.000001+00,infinity)'"],
    "nummultirange": ["'{}'", "'{[1.10,2.20],(5,)}'"],
    "int[]": ["'{}'", "'{{1,NULL},{3,4}}'", "'[-1:1]={1,2,3}'"],
    "text[]": ["ARRAY['NULL', NULL, '', 'a,b', '{}', '\"', E'\\\\']"],
    "timestamptz[]": ["ARRAY['2024-03-04 05:06:07.000001+00'::timestamptz, NULL]"],
    "oid": ["4294967295"],
    "regclass": ["'pg_catalog.pg_class'"],
    "pg_lsn": ["'16/B374D848'"],
    "name": ["'n'"],
}  # fmt: skip

TYPES = (
    "CREATE TYPE mood AS ENUM ('so, so', 'it''s', 'NULL', '')",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
    "CREATE DOMAIN small AS positive NOT NULL CHECK (VALUE < 100)",
    "CREATE DOMAIN day AS date",
    "CREATE DOMAIN moment AS timestamptz",
    "CREATE DOMAIN span AS interval",
    "CREATE DOMAIN real_number AS float8",
    "CREATE DOMAIN price AS money",
    "CREATE DOMAIN bytes AS bytea",
    "CREATE TYPE pair AS (a int, b text, c timestamptz, d float8)",
    "CREATE TYPE floats AS RANGE (subtype = float8)",
    'CREATE SCHEMA "my types"',
    'CREATE TYPE "my types"."a ""Type""" AS ENUM (\'x\')',
)
USERS_OWN = {
    "mood": ["'so, so'", "'it''s'", "'NULL'", "''", "NULL"],
    "mood[]": ["'{{\"so, so\",NULL},{\"NULL\",\"\"}}'"],
    "small": ["1", "99", "5", "5", "5", "5"],
    "day": ["'2024-03-04'", "'infinity'", "'0044-03-15 BC'"],
    "moment": ["'2024-03-04 05:06:07.000001+00'", "'-infinity'", "'2024-10-27 01:30+00'"],
    "span": ["'-1 day +2 hours'", "'-1 year -2 mons +3 days -04:05:06'"],
    "real_number": ["0.1::float8 + 0.2", "'-0'", "'NaN'"],
    "price": ["'-12.34'", "1234.5::money"],
    "bytes": [r"'\x00ff5c27'"],
    "pair": [
        "ROW(1, 'a \"b\", (c)', '2024-03-04 05:06:07.000001+00', 0.1::float8 + 0.2)", "ROW(NULL, '', NULL, '-0')", "NULL",
        "ROW(NULL, NULL, NULL, NULL)",
    ],
    "pair[]": ["ARRAY[ROW(1, '{', NULL, 1)::pair, NULL]"],
    "floats": ["floats(0.1::float8 + 0.2, 5)", "'empty'"],
    '"my types"."a ""Type"""': ["'x'"],
    "day[]": ["ARRAY['2024-03-04'::day]"],
}  # fmt: skip

FAR_FROM_HERE = {
    "DateStyle": "'SQL, DMY'", "IntervalStyle": "sql_standard", "TimeZone": "'Asia/Kolkata'", "bytea_output": "escape",
    "extra_float_digits": "-15",
}  # fmt: skip


def posts_of(kinds: dict[str, list[str]]) -> list[str]:
    """Posts with a column of each kind, the values of which are written six to eight rows deep; all are orphans but one."""
    depth = max(len(values) for values in kinds.values())
    statements = [
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 2, "
        + ", ".join(f"c{place} {kind}" for place, kind in enumerate(kinds)) + ")"
    ]  # fmt: skip
    for number in range(depth):
        values = [
            f"CAST({values[number]} AS {kind})" if number < len(values) else "NULL" for kind, values in kinds.items()
        ]
        statements.append(
            f"INSERT INTO posts VALUES ({number}, {1 if number == 1 else 90 + number}, {', '.join(values)})"
        )
    return statements


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("rule", RULES)
def test_values_of_postgresqls_own_types_come_back_to_the_letter(project: Project, rule: str) -> None:
    """What is lost in the quarantine is lost for good."""
    make(project, *posts_of(OWN))
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["posts", "users"])


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("rule", RULES)
def test_values_of_the_users_types_come_back_to_the_letter(project: Project, rule: str) -> None:
    """They are kept as text, which has to be read as it was written."""
    make(project, *TYPES, *posts_of(USERS_OWN))
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["posts", "users"])


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("setting", FAR_FROM_HERE)
@pytest.mark.parametrize("kinds", [OWN, USERS_OWN], ids=["own", "users"])
@pytest.mark.parametrize("there_first", [True, False], ids=["up", "down"])
def test_values_come_back_to_a_session_with_other_settings(
    project: Project, setting: str, kinds: dict[str, list[str]], there_first: bool
) -> None:
    """Up and down may be run months apart, by other people from other places."""
    make(project, *TYPES, *posts_of(kinds))
    key_revision(project, ondelete="CASCADE")
    there = f"ALTER DATABASE {project.url.database} SET {setting} = {FAR_FROM_HERE[setting]}"
    here = f"ALTER DATABASE {project.url.database} RESET {setting}"
    start = texts(project)
    project.execute(there if there_first else here)
    project.upgrade()
    project.execute(here if there_first else there)
    project.downgrade()
    project.execute(here)
    assert texts(project) == start
    assert not quarantined(project)


def texts(project: Project) -> dict[str, list[str]]:
    """All rows of posts."""
    with project.engine.connect() as connection:
        return dict(rows(connection, ["posts"]))
