"""The checklist of the documentation: each item is there once, and what is to show it exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from test_docs import DOCS, PAGES, page

ROOT = DOCS.parent
ITEMS = 80
ROWS = re.split(r"^   \* - ", page("checklist.rst"), flags=re.MULTILINE)[1:]
# Number, what was asked for, what is offered, and what shows it.
ENTRIES = [[" ".join(cell.split()) for cell in row.split("\n\n")[0].split("\n     - ")] for row in ROWS]
SHOWN = [(number, *shown) for number, _, _, shows in ENTRIES for shown in re.findall(r"\| (?:``(.+?)``|(:\S+))", shows)]


@cache
def functions(file: Path) -> set[str]:
    """The tests that a file defines."""
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def test_each_item_is_there_once() -> None:
    """None was lost, and none is told twice."""
    assert [int(number) for number, *_ in ENTRIES] == list(range(1, ITEMS + 1))
    assert all(len(cells) == 4 and all(cells) for cells in ENTRIES)
    assert {number for number, *_ in SHOWN} == {number for number, *_ in ENTRIES}


@pytest.mark.parametrize("shown", sorted({test for _, test, _ in SHOWN if test}))
def test_a_test_that_is_named_exists(shown: str) -> None:
    """Renamed or removed, it would show nothing any more."""
    file, _, name = shown.partition("::")
    assert name in functions(ROOT / file)


@pytest.mark.parametrize("shown", sorted({link for _, _, link in SHOWN if link}))
def test_a_page_that_is_named_exists(shown: str) -> None:
    """A page, or a place on one."""
    kind, target = re.fullmatch(r":(doc|ref):`(.+)`", shown).groups()  # type: ignore[union-attr]
    if kind == "doc":
        assert f"{target}.rst" in PAGES
    else:
        assert any(f".. _{target}:\n" in page(name) for name in PAGES)
