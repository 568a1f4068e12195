"""The text for Mermaid: whatever names there are, it is of one strict form, which Mermaid's own parser takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.diagram import diagram_of
from alembic_cascade.report.markdown import markdown
from alembic_cascade.report.mermaid import LONGEST_TEXT, MOST_EDGES, mermaid_text, too_much
from alembic_cascade.report.narrowing import narrowed
from alembic_cascade.report.report import Report
from alembic_cascade.report.styles import STYLES
from report.made import key, report_of
from report.test_dot import NASTY, names, pair

# Between quotation marks: letters, digits, a few signs, and other letters by their numbers.
TEXT = r'"(?:[\w _\-.,()≠]|[^\W\d_]|<br/>|#\d+;)*"'
LINES = (
    r"flowchart LR",
    rf"subgraph g\d+ \[{TEXT}\]",
    r"subgraph legends \[Legend\]",
    r"end",
    rf"t\d+\[{TEXT}\]",
    rf"t\d+ (?:==>|-\.->|--x|-\.-x)(?:\|{TEXT}\|)? t\d+",
    rf"l\d+\[{TEXT}\] (?:==>|-\.->|--x|-\.-x) m\d+\[{TEXT}\]",
    rf"(?:legend|drift|unindexed)\[{TEXT}\]",
    r"linkStyle \d+(?:,\d+)* stroke:#[0-9a-f]{6},stroke-width:[\d.]+px(?:,stroke-dasharray:[\d ]+)?",
    r"classDef (?:chosen|deleted|nulled|defaulted|refused) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}",
    r"class t\d+(?:,t\d+)* (?:chosen|deleted|nulled|defaulted|refused)",
)
LINE = re.compile("|".join(f"(?:{line})" for line in LINES))


def written(report: Report) -> list[str]:
    """The lines, each of which is of the form."""
    text = mermaid_text(diagram_of(report))
    lines = [line.strip() for line in text.split("\n")]
    assert lines.pop() == ""
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    return lines


@given(parent=names, child=names, column=names)
def test_any_names_give_lines_of_one_form(parent: str, child: str, column: str) -> None:
    """No name ends its text, begins a line, or is taken for a word of the language."""
    lines = written(pair(parent, child, column))
    assert sum(line.startswith("t") and "[" in line for line in lines) == len({parent, child})


@pytest.mark.parametrize("name", NASTY)
def test_nasty_names_are_written_by_number(name: str) -> None:
    """What stands there is the name again."""
    line = next(line for line in written(pair("users", name)) if line.startswith("t") and "users" not in line)
    shown = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), line.partition('["')[2].removesuffix('"]'))
    assert shown == "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)


def test_links_are_styled_by_their_numbers() -> None:
    """In the order in which they stand, those of the legend at the end."""
    rules = ["SET NULL", *STYLES, "CASCADE"]
    lines = written(report_of(key(number, f"t{number}", "users", rule) for number, rule in enumerate(rules)))
    links = [line for line in lines if re.match(r"[tl]\d+.* (==>|-\.->|--x|-\.-x)", line)]
    styles = {line.partition(" stroke:")[0]: line for line in lines if line.startswith("linkStyle")}
    numbers = sorted(int(number) for line in styles for number in line.removeprefix("linkStyle ").split(","))
    assert numbers == list(range(len(links)))
    cascade = next(line for line in styles if STYLES["CASCADE"].colour in styles[line])
    assert {links[int(number)].split()[1].partition("|")[0] for number in cascade.split()[1].split(",")} == {"==>"}


def test_the_reach_of_a_delete_has_classes() -> None:
    """As in the other drawings."""
    keys = [key(0, "posts", "users"), key(1, "badges", "users", "SET NULL")]
    lines = written(narrowed(report_of(keys), [TableName(None, "users")], 1, ()))
    assert [line for line in lines if line.startswith("class ")] == [
        "class t2 chosen",
        "class t1 deleted",
        "class t0 nulled",
    ]


def test_groups_are_subgraphs() -> None:
    """Where there are several."""
    report = report_of([key(0, "posts", "users")])
    apart = replace(report, tables=(report.tables[0], replace(report.tables[1], group='a"]')))
    assert [line for line in written(apart) if line.startswith("subgraph g")] == [
        'subgraph g0 ["a#34;#93;"]',
        'subgraph g1 ["public"]',
    ]


def test_more_than_mermaid_draws_is_refused_with_a_hint() -> None:
    """In Markdown, the rest of the report is there all the same."""
    many = report_of(key(number, f"t{number}", "users") for number in range(MOST_EDGES))
    said = "There are 500 keys, and Mermaid draws 500 lines at most. Narrow it by --table, --depth or --rule, or take --format svg or html."
    assert too_much(diagram_of(many), mermaid_text(diagram_of(many))) == said
    text = markdown(many)
    assert "```mermaid" not in text
    assert "Mermaid draws 500 lines at most" in text
    assert "`t499.users_id -> users.id`" in text


def test_a_text_that_is_too_long_is_refused() -> None:
    """Mermaid counts letters, too."""
    long = report_of(key(number, f"{'x' * 55}{number}", "users") for number in range(MOST_EDGES - 2))
    text = mermaid_text(diagram_of(long))
    refused = too_much(diagram_of(long), text)
    assert len(text) > LONGEST_TEXT or refused is None
    padded = text + " " * LONGEST_TEXT
    assert str(too_much(diagram_of(long), padded)).startswith(f"Its text has {len(padded):,} letters")
