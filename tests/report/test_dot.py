"""The text for Graphviz: whatever tables are called, it is one graph with those names."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygraphviz import AGraph

from alembic_cascade.audit.findings import Finding, Severity
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.report.diagram import COMFORTABLE, diagram_of, opening
from alembic_cascade.report.document import document
from alembic_cascade.report.dot import dot_text
from alembic_cascade.report.narrowing import narrowed
from alembic_cascade.report.report import Report, ReportedKey, ReportedTable
from alembic_cascade.report.styles import STYLES
from alembic_cascade.report.svg import svg
from report.made import key, report_of

NASTY = (
    "</script>",
    'a"b',
    "a\\",
    "\\n",
    "a\\N",
    "two\nlines",
    "<b>",
    "&lt;",
    "a|b",
    "{x}",
    "end",
    "graph",
    "node",
    "subgraph",
    "->",
    "🦆",
    "é" * 31,
    " from CASCADE",
    "x" * 63,
    "tab\there",
    "bell\a",
    "%",
)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=63)


def pair(parent: str, child: str, column: str = "c") -> Report:
    """Two tables, or one, and a key between them."""
    source, referent = TableName(None, child), TableName(None, parent)
    declared = ForeignKey("k", source, referent, ((column, "id"),))
    tables = tuple(ReportedTable(name, "public") for name in sorted({source, referent}))
    return Report(None, "public", tables=tables, keys=(ReportedKey(0, source, referent, declared, None),))


def graph(report: Report) -> AGraph:
    return AGraph(string=dot_text(diagram_of(report), legend=False))


def texts(drawn: str) -> list[str]:
    """What stands in an SVG for people to read."""
    return [element.text or "" for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]


@given(parent=names, child=names, column=names)
def test_any_names_give_one_graph(parent: str, child: str, column: str) -> None:
    """Graphviz reads as many tables as there are, and one key."""
    read = graph(pair(parent, child, column))
    assert (len(read.nodes()), len(read.edges())) == (len({parent, child}), 1)


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_drawn_as_it_is(name: str) -> None:
    """What can't be drawn is written as Python writes it."""
    found = texts(svg(diagram_of(pair("users", name, name)), legend=False))
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    assert sorted(text.strip().replace("\N{NO-BREAK SPACE}", " ") for text in found) == sorted(
        [shown.strip(), shown.strip(), "users"]
    )


def test_each_rule_has_a_colour_and_a_line_of_its_own() -> None:
    """Nobody has to tell them apart by colour alone."""
    looks = {(style.line, style.arrow, style.width) for style in STYLES.values()}
    assert len(looks) == len(STYLES)
    keys = [key(number, f"t{number}", "users", rule) for number, rule in enumerate(STYLES)]
    read = graph(report_of(keys))
    seen = {(edge.attr["style"], edge.attr["arrowhead"], edge.attr["penwidth"]) for edge in read.edges()}
    assert len(seen) == len(STYLES)
    assert {edge.attr["class"] for edge in read.edges()} == {f"rule-{style.name}" for style in STYLES.values()}


def test_arrows_lead_from_parent_to_child() -> None:
    """As a delete goes."""
    assert graph(report_of([key(0, "posts", "users")])).edges() == [("users", "posts")]


def test_what_is_wrong_is_marked_at_its_edge() -> None:
    """Drift and a missing index, by a sign and by a class."""
    one = replace(key(0, "posts", "users"), drift="NO ACTION -> CASCADE", indexed=False)
    # The graph is gone with the last that holds it.
    read = graph(report_of([one]))
    (edge,) = read.edges()
    assert edge.attr["label"].strip() == "users_id ≠ no index"
    assert edge.attr["class"] == "rule-cascade drift unindexed"


def test_what_a_delete_reaches_stands_out() -> None:
    """The table itself, what goes with it, what loses its reference, what refuses; the rest is as ever."""
    keys = [
        key(0, "posts", "users"),
        key(1, "badges", "users", "SET NULL"),
        key(2, "bills", "posts", "RESTRICT"),
        key(3, "users", "companies"),
    ]
    report = narrowed(report_of(keys), [TableName(None, "users")], 3, ())
    read = graph(report)
    assert {node: node.attr["class"] for node in read.nodes()} == {
        "badges": "table reach-nulled",
        "bills": "table reach-refused",
        "companies": "table",
        "posts": "table reach-deleted",
        "users": "table chosen",
    }
    assert {edge.attr["id"] for edge in read.edges() if "reached" in edge.attr["class"]} == {"key-0", "key-1", "key-2"}


def test_the_legend_explains_what_is_there_alone() -> None:
    """Rules that no key has are not explained."""
    drawn = svg(diagram_of(report_of([key(0, "posts", "users"), key(1, "badges", "users", "SET NULL")])))
    told = [text for text in texts(drawn) if ":" in text]
    assert told == [
        "CASCADE: rows go with the row that they refer to",
        "SET NULL: rows stay, their reference becomes NULL",
    ]


def test_an_svg_says_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Libraries remark on fonts of the system, which nobody asked for."""
    assert svg(diagram_of(report_of([key(0, "posts", "users")]))).count("<svg") == 1
    assert capfd.readouterr().err == ""


def test_tables_of_several_schemas_stand_in_groups() -> None:
    """Of one alone, no frame is drawn round everything."""
    report = report_of([key(0, "posts", "users")])
    apart = replace(report, tables=(report.tables[0], replace(report.tables[1], group="billing")))
    assert [part.name for part in graph(report).subgraphs()] == []
    read = graph(apart)
    assert [part.graph_attr["label"] for part in read.subgraphs()] == ["billing", "public"]


def test_rows_and_findings_are_shown_at_a_table() -> None:
    """The number of rows below the name; the worst finding as a class."""
    findings = tuple(
        Finding("rule", severity, "posts", "p", "c", "f") for severity in (Severity.ERROR, Severity.WARNING)
    )
    report = replace(report_of([key(0, "posts", "users")]), findings=findings)
    posts = replace(report.tables[0], rows=1200, orphans=1, quarantined=3, findings=(0, 1))
    read = graph(replace(report, tables=(posts, report.tables[1])))
    node = read.get_node("posts")
    assert node.attr["label"] == r"posts\nabout 1,200 rows, 1 orphan, 3 in quarantine"
    assert node.attr["class"] == "table has-error"


def chained(number: int) -> Report:
    return report_of([key(place, f"t{place + 1:03}", f"t{place:03}") for place in range(number - 1)])


def test_a_page_opens_on_all_of_a_few_tables_and_on_some_of_many() -> None:
    """The neighbours of what the revisions change, or else of the table with the most keys."""
    few, many = chained(COMFORTABLE), chained(300)
    assert len(opening(few)) == COMFORTABLE
    assert len(opening(many)) == COMFORTABLE
    chosen = narrowed(many, [TableName(None, "t200")], 300, ())
    assert TableName(None, "t200") in opening(chosen)
    assert TableName(None, "t100") not in opening(chosen)
    hub = report_of([*(key(place, f"c{place}", "zz") for place in range(80)), key(80, "x", "y")])
    assert TableName(None, "zz") in opening(hub)
    assert TableName(None, "y") not in opening(hub)
    part = diagram_of(many).part(opening(many))
    assert (len(part.nodes), len(part.edges)) == (COMFORTABLE, COMFORTABLE - 1)


def test_the_document_has_the_attributes_that_the_text_has() -> None:
    """One description of the diagram for Python and for the page."""
    report = report_of([key(0, "posts", "users"), key(1, "a&b", "users", "SET NULL")])
    told, read = document(report)["diagram"], graph(report)
    for node in told["nodes"]:
        assert dict(read.get_node(node["id"]).attr).items() >= node["attributes"].items()
    for edge in told["edges"]:
        assert dict(read.get_edge(edge["tail"], edge["head"]).attr).items() >= edge["attributes"].items()
    assert dict(read.graph_attr).items() >= told["graph"].items()
    assert (
        dict(read.node_attr).items() >= told["node"].items(),
        dict(read.edge_attr).items() >= told["edge"].items(),
    ) == (
        True,
        True,
    )


def ratio(drawn: str) -> float:
    """How much longer one side is than the other."""
    size = ET.fromstring(drawn).attrib["viewBox"].split()
    width, height = float(size[2]), float(size[3])
    return max(width, height) / min(width, height)


@pytest.mark.parametrize(("children", "is_star"), [(23, False), (24, True), (80, True)])
def test_many_tables_that_hang_on_one_stand_around_it(children: int, is_star: bool) -> None:
    """Below each other they would be a ribbon; a key to its own table makes no difference."""
    keys = [key(number, f"table_{number:02}", "users") for number in range(children)]
    diagram = diagram_of(report_of([*keys, key(children, "users", "users"), key(children + 1, "table_01", "table_01")]))
    assert diagram.is_star == is_star
    assert (ratio(svg(diagram, legend=False)) < 2) == is_star


def test_tables_in_groups_and_in_chains_stand_in_layers() -> None:
    """A circle has no room for the frames of groups, and none for what comes after what."""
    chain = [key(number, f"table_{number + 1}", f"table_{number}") for number in range(40)]
    assert not diagram_of(report_of(chain)).is_star
    star = diagram_of(report_of([key(number, f"table_{number}", "users") for number in range(40)]))
    assert not replace(star, groups=("one", "two")).is_star
