"""A part of a report: consistent in itself, and about what was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alembic_cascade.audit.findings import Finding, Severity
from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.document import document
from alembic_cascade.report.markdown import markdown
from alembic_cascade.report.narrowing import narrowed
from alembic_cascade.report.report import Report
from report.made import key, report_of

USERS = TableName(None, "users")


def chain() -> Report:
    """Companies <- users <- posts <- comments, and badges that outlive users; a finding about each key."""
    keys = [
        key(0, "users", "companies", "RESTRICT"),
        key(1, "posts", "users"),
        key(2, "comments", "posts"),
        key(3, "badges", "users", "SET NULL"),
    ]
    findings = tuple(Finding("rule", Severity.INFO, one.label, "p", "c", "f") for one in keys)
    found = report_of(replace(one, findings=(one.id,)) for one in keys)
    tables = tuple(
        replace(table, findings=tuple(one.id for one in keys if one.child == table.name)) for table in found.tables
    )
    return replace(found, tables=tables, findings=findings, samples={one.label: (("1",),) for one in keys})


def told(report: Report) -> tuple[list[str], list[str]]:
    return [str(table.name) for table in report.tables], [one.label for one in report.keys]


@pytest.mark.parametrize(
    ("depth", "tables"),
    [
        (0, ["users"]),
        (1, ["badges", "companies", "posts", "users"]),
        (2, ["badges", "comments", "companies", "posts", "users"]),
    ],
)
def test_depth_counts_keys_in_either_direction(depth: int, tables: list[str]) -> None:
    """Parents and children alike."""
    assert told(narrowed(chain(), [USERS], depth, ()))[0] == tables


def test_rules_leave_keys_out_and_the_tables_without_any() -> None:
    """With a table, the neighbourhood goes along these keys alone."""
    assert told(narrowed(chain(), [], 9, ["CASCADE"])) == (
        ["comments", "posts", "users"],
        ["posts.users_id -> users.id", "comments.posts_id -> posts.id"],
    )
    assert told(narrowed(chain(), [USERS], 9, ["SET NULL"]))[0] == ["badges", "users"]


def test_numbers_are_those_of_the_part() -> None:
    """Keys, findings and what is reached refer to each other still."""
    part = narrowed(chain(), [TableName(None, "posts")], 1, ())
    assert [one.id for one in part.keys] == [0, 1]
    assert [part.findings[number].target for one in part.keys for number in one.findings] == [
        one.label for one in part.keys
    ]
    assert {str(table.name): [part.findings[number].target for number in table.findings] for table in part.tables} == {
        "comments": ["comments.posts_id -> posts.id"],
        "posts": ["posts.users_id -> users.id"],
        # The key to companies is no part of it, and neither is what was found about it.
        "users": ["users.companies_id -> companies.id"],
    }
    assert [(part.keys[one.key].label, one.depth) for one in part.reach[TableName(None, "posts")]] == [
        ("comments.posts_id -> posts.id", 1)
    ]
    assert list(part.samples or ()) == [one.label for one in part.keys]
    assert document(part)["narrowed"] == "This is a part: the tables that are at most 1 key away from posts."


def test_without_a_wish_the_report_is_whole() -> None:
    """And says nothing of a part."""
    assert narrowed(chain(), [], 2, ()) == chain()


def test_several_tables_are_taken_together() -> None:
    """Each with the reach of its own."""
    part = narrowed(chain(), [TableName(None, "badges"), TableName(None, "comments")], 0, ())
    assert told(part) == (["badges", "comments"], [])
    assert list(map(str, part.reach)) == ["badges", "comments"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("user", "There is: users."), ("zzz", "Look at the report without --table for their names.")],
)
def test_an_unknown_table_is_refused(name: str, hint: str) -> None:
    """Misspelt, it would be an empty report."""
    with pytest.raises(CascadeError) as error:
        narrowed(chain(), [TableName(None, name)], 1, ())
    assert str(error.value) == f"--table {name}: neither the models nor the database have a table of that name. {hint}"


def test_what_a_delete_reaches_beyond_the_part_is_counted() -> None:
    """A reach that is cut must not look like the whole."""
    said = [narrowed(chain(), [USERS], depth, ()).narrowed for depth in (0, 1, 2)]
    assert [text and text.partition(" A delete")[2] for text in said] == [
        " in users comes upon 3 more keys beyond it: a greater --depth shows more.",
        " in users comes upon 1 more key beyond it: a greater --depth shows more.",
        "",
    ]
    assert "No key of this part refers to it" in markdown(narrowed(chain(), [USERS], 0, ()))
