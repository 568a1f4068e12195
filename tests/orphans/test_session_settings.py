"""Another session restores what one has set aside: with a time zone, formats and a search path of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orphans.settling import rows, state, write_key

if TYPE_CHECKING:
    from project import Project

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")

SETTINGS = {
    "DateStyle": ("SQL, MDY", "SQL, DMY"),
    "TimeZone": ("Asia/Kathmandu", "America/New_York"),
    "IntervalStyle": ("sql_standard", "iso_8601"),
    "bytea_output": ("escape", "hex"),
    "extra_float_digits": ("-5", "1"),
    "search_path": ("public, shop", "public"),
    "standard_conforming_strings": ("off", "on"),
}
VALUES = {
    "day": "'2024-02-01'",
    "at": "'2024-02-01 12:34:56.789+00'",
    "span": "'-1 day +02:03:00'",
    "bytes": r"'\x0001ff5c'",
    "part": "0.1::float8 + 0.2::float8",
    "size": "'small'",
}
TYPES = {
    "day": "date", "at": "timestamptz", "span": "interval", "bytes": "bytea", "part": "float8", "size": "shop.size",
}  # fmt: skip


def with_setting(project: Project, setting: str, value: str) -> None:
    listed = value if setting == "search_path" else f"'{value}'"
    database = project.url.database
    project.execute(f'ALTER DATABASE "{database}" SET {setting} = {listed}')


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_value_kept_as_text_is_read_as_it_was_written(project: Project, setting: str, strategy: str) -> None:
    """A domain's or an enum's value is text in the quarantine, and the first of February must not be the second of January."""
    domains = [f"CREATE DOMAIN shop.own_{name} AS {type_}" for name, type_ in TYPES.items() if name != "size"]
    columns = ", ".join(f"{name} {'shop.size' if name == 'size' else f'shop.own_{name}'}" for name in TYPES)
    project.execute(
        *USERS,
        "CREATE SCHEMA shop",
        "CREATE TYPE shop.size AS ENUM ('small')",
        *domains,
        f"CREATE TABLE posts (id int PRIMARY KEY, user_id int, {columns})",
        f"INSERT INTO posts VALUES (1, 9, {', '.join(VALUES.values())})",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy=strategy)
    start = state(project)
    there, back = SETTINGS[setting]
    with_setting(project, setting, there)
    project.upgrade()
    with_setting(project, setting, back)
    project.downgrade()
    project.execute(f'ALTER DATABASE "{project.url.database}" RESET {setting}')
    assert state(project) == start


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_trigger_left_is_recognised_in_another_session(project: Project, setting: str) -> None:
    """A value that a trigger wrote is taken back with the rest; it was changed by nobody since."""
    columns = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
    later = {
        **VALUES,
        "day": "'2024-04-03'",
        "at": "'2024-04-03 01:02:03+00'",
        "bytes": "decode('5c5c00', 'hex')",
        "part": "1 / 3::float8",
    }
    setters = "; ".join(f"NEW.{name} := {value}" for name, value in later.items())
    project.execute(
        *USERS,
        "CREATE SCHEMA shop",
        "CREATE TYPE shop.size AS ENUM ('small')",
        f"CREATE TABLE posts (id int PRIMARY KEY, user_id int, {columns})",
        f"INSERT INTO posts VALUES (1, 9, {', '.join(VALUES.values())})",
        f"CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {setters}; RETURN NEW; END $$",
        "CREATE TRIGGER touched BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION touch()",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy="set_null")
    start = rows(project)
    there, back = SETTINGS[setting]
    with_setting(project, setting, there)
    project.upgrade()
    with_setting(project, setting, back)
    project.downgrade()
    project.execute(f'ALTER DATABASE "{project.url.database}" RESET {setting}')
    assert rows(project) == start


def test_a_trigger_sees_the_session_as_it_is(project: Project) -> None:
    """What an audit trail writes is read by people in the time zone and format of the application."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        "INSERT INTO posts VALUES (1, 9)",
        "CREATE TABLE trail (what text)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trail VALUES (concat_ws(' ', "
        "timestamptz '2024-02-01 23:00+00', interval '-1 day 02:00', current_setting('row_security'))); RETURN OLD; END $$",
        "CREATE TRIGGER noted AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION note()",
    )
    for setting, value in (("DateStyle", "German"), ("TimeZone", "Asia/Kathmandu"), ("IntervalStyle", "iso_8601")):
        with_setting(project, setting, value)
    write_key(project, "posts", "users", ["user_id"], ["id"])
    project.upgrade()
    assert project.fetch("SELECT what FROM trail") == [("02.02.2024 04:45:00 +0545 P-1DT2H on",)]


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
def test_functions_of_the_users_own_are_not_taken_for_postgresqls(project: Project, strategy: str) -> None:
    """A function whose arguments fit better is chosen, though pg_catalog stands before its schema."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        "INSERT INTO posts VALUES (1, 1), (2, 9)",
        *(
            f"CREATE FUNCTION public.{name} LANGUAGE sql AS $$ SELECT 'theirs'::text $$"
            for name in ("format(text, text) RETURNS text", "format(text, text, text) RETURNS text")
        ),
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy=strategy)
    project.upgrade()
    upgraded = project.fetch("SELECT id, user_id FROM posts ORDER BY id")
    assert upgraded == ([(1, 1)] if strategy == "quarantine" else [(1, 1), (2, None)])
    project.downgrade()
    assert project.fetch("SELECT id, user_id FROM posts ORDER BY id") == [(1, 1), (2, 9)]
    assert project.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'alembic_cascade'") == []
