"""Markdown: what people wrote stays text, in tables and in blocks of code."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alembic_cascade.audit.auditing import Waived
from alembic_cascade.audit.findings import Finding, Place, Severity
from alembic_cascade.escaping import markdown_block, markdown_code, markdown_text
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.markdown import markdown
from alembic_cascade.report.narrowing import narrowed
from alembic_cascade.report.report import (
    Quarantined,
    Report,
    ReportedChange,
    ReportedModel,
    ReportedNote,
    ReportedRevision,
    RunbookStep,
)
from report.made import key, report_of
from report.test_dot import NASTY, names


def rows(text: str) -> list[list[str]]:
    """The cells of all tables; each row has as many as the headings above it."""
    found, wide = [], 0
    for line in text.splitlines():
        if not line.startswith("|"):
            wide = 0
            continue
        cells = re.split(r"(?<!\\)(?:\\\\)*\|", line.strip().removeprefix("|").removesuffix("|"))
        wide = wide or len(cells)
        assert len(cells) == wide, line
        found.append([cell.strip() for cell in cells])
    return found


@given(text=st.text(st.characters(codec="utf-8")))
def test_text_is_one_line_without_marks(text: str) -> None:
    """Each sign that Markdown knows is behind a backslash."""
    shown = markdown_text(text)
    assert "\n" not in shown
    assert re.search(r"(?<!\\)(?:\\\\)*[`*_<>|\[\]#&~$]", shown) is None


@given(text=st.text(st.characters(codec="utf-8"), min_size=1))
def test_code_ends_where_it_ends(text: str) -> None:
    """There are as many ticks at both ends, and never as many in between."""
    shown = markdown_code(text)
    ticks = re.match("`+", shown)
    assert ticks is not None
    runs = [len(run) for run in re.findall("`+", shown)]
    assert runs.count(len(ticks[0])) == 2
    assert (runs[0], runs[-1]) == (len(ticks[0]), len(ticks[0]))


@given(text=st.text(st.sampled_from("`~ab\n")))
def test_a_block_ends_where_it_ends(text: str) -> None:
    """The fence is longer than any in the text."""
    lines = markdown_block(text, "diff").split("\n")
    fence = lines[-1]
    assert lines[0] == f"{fence}diff"
    assert not any(line.strip().startswith(fence) for line in lines[1:-1])


@pytest.mark.parametrize("name", NASTY)
def test_nasty_names_break_no_table(name: str) -> None:
    """Each row has its cells, and no script comes out of it."""
    report = narrowed(report_of([key(0, name, "users"), key(1, "posts", name)]), [TableName(None, name)], 1, ())
    text = markdown(report)
    assert len(rows(text)) > 6
    assert re.search(r"^[^`\n]*(?<!\\)<script", text, re.MULTILINE) is None


@given(one=names, other=names)
def test_any_names_break_no_table(one: str, other: str) -> None:
    """Whatever tables are called."""
    assert rows(markdown(report_of([key(0, one, other)])))


FINDING = Finding(
    "foreign-key-drift", Severity.WARNING, "posts.user_id -> users.id", "the database lacks it", "It matters.",
    "-  a\n+  b", Place("models.py", 7),
)  # fmt: skip


def whole() -> Report:
    """A report that has something in each section."""
    first = key(0, "posts", "users").key
    return replace(
        report_of([key(0, "posts", "users"), key(1, "badges", "users", "SET NULL")]),
        findings=(FINDING, replace(FINDING, target="badges.user_id -> users.id")),
        waived=(Waived(FINDING, "It is <meant>."),),
        models=(ReportedModel("Post", TableName(None, "posts"), "complete", ("fine", "*really*")),),
        before="aa",
        after="cc",
        revisions=(ReportedRevision("bb", "add_keys", concurrent=True), ReportedRevision("cc", "more")),
        changes=(
            ReportedChange(TableName(None, "posts"), "k0", "bb", None, first, "why"),
            ReportedChange(TableName(None, "posts"), "k0", "cc", first, None, "why"),
            ReportedChange(TableName(None, "posts"), "k9", "cc", None, None, "why", replaced="k9"),
        ),
        notes=(ReportedNote("cc", 4, "it runs SQL of its own"),),
        quarantine=(Quarantined("bb", TableName(None, "posts"), 1200),),
        runbook=(RunbookStep("Backup", "Before_all.", ("pg_dump --dbname=a_b",)),),
        samples={"posts.user_id -> users.id": (("1", None), ("2", "a|b"))},
        remarks=("No database was looked at.",),
        counted=True,
    )


def test_sections_say_what_there_is() -> None:
    """One after the other; of findings that are alike, the same is said once."""
    text = markdown(whole())
    headings = re.findall("^## (.*)", text, re.MULTILINE)
    assert headings == [
        "Changes", "Lineage", "Foreign keys", "Models", "Tables", "Quarantine", "Samples of orphans", "Findings",
        "Meant as they are", "Runbook",
    ]  # fmt: skip
    assert "No database was looked at." in text
    assert "- `cc`, line 4: it runs SQL of its own" in text
    assert "not known: `k9`" in text
    assert "- `1`, NULL\n- `2`, `a\\|b`" in text
    assert "```console\npg_dump --dbname=a_b\n```" in text
    assert text.count("It matters. Fix:") == 1
    assert "- `posts.user_id -> users.id` (`models.py:7`): the database lacks it." in text
    assert "fine<br>\\*really\\*" in text
    assert ["`posts.users_id -> users.id`", "none", "CASCADE", "`bb`", "why"] in rows(text)
    assert ["`posts.users_id -> users.id`", "CASCADE", "dropped", "`cc`", "why"] in rows(text)


def test_what_there_is_not_has_no_section() -> None:
    """An empty project has a title and a line."""
    text = markdown(Report(None, "public"))
    assert text == "# Foreign keys of the models\n\n0 tables, 0 foreign keys, 0 relationships, 0 findings.\n"


def test_the_reach_of_a_delete_is_told_by_its_steps() -> None:
    """With the key by which it gets there."""
    keys = [key(0, "posts", "users"), key(1, "badges", "posts", "SET NULL")]
    told = rows(markdown(narrowed(report_of(keys), [TableName(None, "users")], 2, ())))
    assert ["1", "`posts`", "are deleted", "`posts.users_id -> users.id`"] in told
    assert ["2", "`badges`", "lose their reference (NULL)", "`badges.posts_id -> posts.id`"] in told
    nothing = markdown(narrowed(report_of(keys), [TableName(None, "badges")], 0, ()))
    assert "No key of this part refers to it." in nothing
