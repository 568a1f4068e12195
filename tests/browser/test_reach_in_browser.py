"""How far a delete goes: the page counts as the report does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from reports import as_document, random_report

import alembic_cascade.report.page.page as page_module
from alembic_cascade.report.reach import reach
from alembic_cascade.report.report import Report

SCRIPT = Path(page_module.__file__).parent / "scripts" / "reach.js"
ASKED = """(keys) => {
    const referred = (table) => keys.filter((key) => key.parent === table);
    const tables = [...new Set(keys.flatMap((key) => [key.child, key.parent]))];
    return Object.fromEntries(tables.map((table) => [table, Reach.below(referred, table)]));
}"""


def told(report: Report) -> dict[str, list[tuple[Any, ...]]]:
    """The reach of each table, as Python has it."""
    return {
        str(table.name): sorted(
            (one.depth, str(one.table), one.key, one.effect) for one in reach(report.keys, table.name)
        )
        for table in report.tables
    }


@pytest.mark.parametrize("size", [(3, 4), (12, 25), (40, 90)])
def test_the_reach_of_every_table_is_the_same(chromium: Browser, size: tuple[int, int]) -> None:
    """On random keys: cycles, self-references, several keys between two tables, and some that are not enforced."""
    page = chromium.new_page()
    page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8").replace("const Reach", "var Reach"))
    effects = set()
    for seed in range(30):
        report = random_report(*size, seed=seed)
        found = page.evaluate(ASKED, as_document(report)["keys"])
        expected = told(report)
        for table, reached in found.items():
            assert sorted((one["depth"], one["table"], one["key"], one["effect"]) for one in reached) == expected[table]
            effects |= {one["effect"] for one in reached}
    assert effects == {"deleted", "nulled", "defaulted", "refused"}
    page.close()
