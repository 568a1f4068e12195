"""The page of the architecture: what it says of each part's imports is what the modules import."""

from __future__ import annotations

import re

import pytest
from test_docs import page
from test_import_order import GRAPH

ROW = re.compile(r"^   \* - ``(\w+)``\n     - (.+)\n     - ((?:.+\n(?:       .+\n)*))", re.MULTILINE)
SHOWN = {part: set(re.findall(r"``(\w+)``", imports)) for part, _, imports in ROW.findall(page("architecture.rst"))}
IMPORTED: dict[str, set[str]] = {}
for module, others in GRAPH.items():
    of_part = IMPORTED.setdefault(module.split(".")[0], set())
    of_part.update({other.split(".")[0] for other in others} - {module.split(".")[0], "errors"})


def test_each_part_is_on_the_page_once() -> None:
    """A new module at the top, or a new folder, has a place in the house."""
    assert [part for part, _, _ in ROW.findall(page("architecture.rst"))] == list(SHOWN)
    assert set(SHOWN) == set(IMPORTED)


@pytest.mark.parametrize("part", sorted(IMPORTED))
def test_a_part_imports_what_the_page_says(part: str) -> None:
    """No more, or the page would be outdated; no less, or it would permit what nobody needs."""
    assert SHOWN[part] == IMPORTED[part]
