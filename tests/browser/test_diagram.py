"""The diagram in Chromium: what it shows first, where a click leads, what is marked, and how it moves."""

from __future__ import annotations

import re

import pytest
from conftest import Opener
from playwright.sync_api import expect
from reports import NASTY, random_report, reached_from, shop, star

from alembic_cascade.foreign_keys import TableName

SHOP = {"audit_notes", "order_lines", "orders", "products", "regions", "reviews", "users", f"odd.{NASTY}".split(",")[0]}


def test_few_tables_are_all_shown(opened: Opener) -> None:
    """Up to 60 one looks at all of them, in the picture that came with the page."""
    page = opened(shop())
    assert page.shown() == SHOP
    assert page.panel.is_hidden()
    assert [url for url in page.requests if url.startswith("blob:")] == []


def test_many_tables_open_on_a_neighbourhood(opened: Opener) -> None:
    """Of 300 tables, at most 60 around one with many keys, of a size that can be read."""
    page = opened(random_report(300, 700))
    assert 2 <= len(page.shown()) <= 60
    assert page.place()[2] >= 0.59
    expect(page.page.locator("#said")).to_contain_text("of 300 tables")
    stage = page.page.locator("#stage").bounding_box()
    assert stage is not None
    boxes = [node.bounding_box() for node in page.page.locator("g.node").all()]
    seen = [
        box
        for box in boxes
        if box is not None
        and stage["x"] < box["x"] < stage["x"] + stage["width"]
        and stage["y"] < box["y"] < stage["y"] + stage["height"]
    ]
    assert len(seen) >= 3


def test_it_opens_with_the_table_that_was_asked_for(opened: Opener) -> None:
    """As --table says."""
    page = opened(reached_from(random_report(300, 700), TableName(None, random_report(300, 700).tables[7].name.name)))
    name = random_report(300, 700).tables[7].name.name
    assert page.marked("chosen") == {name}
    expect(page.panel.get_by_role("heading", name=name)).to_be_visible()


def test_without_a_picture_the_page_draws_its_own(opened: Opener) -> None:
    """By Graphviz as WebAssembly, in a worker."""
    page = opened(shop(), picture=False)
    assert page.shown() == SHOP
    assert len([url for url in page.requests if url.startswith("blob:")]) == 1
    assert page.page.locator("g.cluster").count() == 3


def test_a_click_marks_the_neighbourhood_and_the_reach(opened: Opener) -> None:
    """CASCADE goes on, SET NULL stops; what is elsewhere fades."""
    page = opened(shop())
    page.node("users").click()
    assert page.address == "table=users"
    assert page.marked("chosen") == {"users"}
    assert page.marked("reach-deleted") == {"orders", "order_lines", f"odd.{NASTY}".split(",")[0]}
    assert page.marked("reach-nulled") == {"reviews", "audit_notes"}
    assert page.marked("dimmed") == {"products"}
    expect(page.panel).to_contain_text("Rows go in 3 tables, lose a value in 2 tables.")
    steps = page.panel.locator("ol.reach > li").evaluate_all("all => all.map(one => one.value)")
    assert steps == [1, 2]
    expect(page.panel.locator("ol.reach > li").nth(1)).to_have_text("order_lines deleted by order_id")


def test_what_refuses_is_said(opened: Opener) -> None:
    """NO ACTION and RESTRICT stand in the way, where rows refer."""
    page = opened(shop(), "#table=regions")
    assert page.marked("reach-refused") == {"orders", "users"}
    assert page.marked("reach-defaulted") == {"products"}
    expect(page.panel).to_contain_text("Refused while rows of 2 tables refer to what would go.")
    expect(page.page.locator(".effects")).to_contain_text("refuses")


def test_the_panel_tells_all_of_a_table(opened: Opener) -> None:
    """Rows, orphans, keys with drift and missing index, columns, lifecycle, findings."""
    panel = opened(shop(), "#table=orders").panel
    for words in ("8\u202f400\u202f000", "12", "shop.models.Order", "NO ACTION -> CASCADE", "12 orphans", "no index"):
        expect(panel).to_contain_text(words)
    expect(panel.get_by_role("row")).to_have_count(3)
    expect(panel.locator("article")).to_contain_text(["foreign-key-drift"] * 1 + ["unindexed-foreign-key"])
    panel.get_by_role("link", name="users").first.click()
    expect(panel.get_by_role("heading", level=3)).to_have_text("users")


def test_above_sixty_tables_a_click_draws_what_is_around(opened: Opener) -> None:
    """One, two or three steps, or all."""
    report = random_report(90, 130, seed=4)
    page = opened(report)
    page.page.locator("#search").fill("t0033")
    page.page.keyboard.press("Enter")
    page.settled()
    name = report.tables[33].name
    near = {str(name)} | {
        str(other) for key in report.keys if name in {key.child, key.parent} for other in (key.child, key.parent)
    }
    assert near <= page.shown()
    one = len(page.shown())
    page.page.get_by_role("radio", name="2").click()
    page.settled()
    assert len(page.shown()) > one
    page.page.get_by_role("radio", name="All tables").click()
    page.settled()
    assert len(page.shown()) == 90
    assert page.address == f"table={name}&depth=all"


@pytest.mark.parametrize("picture", [True, False])
def test_what_hangs_on_one_table_stands_around_it(opened: Opener, *, picture: bool) -> None:
    """Not in a ribbon below each other: neither in the picture that came along, nor in one that the page draws."""
    page = opened(star(50), picture=picture)
    assert len(page.shown()) == 51
    size = page.page.locator("#stage svg").evaluate(
        "(svg) => { const { width, height } = svg.getBBox(); return [width, height]; }"
    )
    assert max(size) < 2 * min(size)


def test_rules_can_be_hidden(opened: Opener) -> None:
    """The legend is the filter; what has no key left fades."""
    page = opened(shop())
    cascade = page.page.locator("#legend").get_by_role("button", name="CASCADE")
    expect(cascade).to_have_attribute("aria-pressed", "true")
    expect(page.page.locator("g.edge.rule-cascade").first).to_be_visible()
    cascade.click()
    expect(cascade).to_have_attribute("aria-pressed", "false")
    assert [edge.is_visible() for edge in page.page.locator("g.edge.rule-cascade").all()] == [False] * 4
    assert page.page.locator("g.edge:not(.gone)").count() == 7
    assert page.marked("dimmed") == {f"odd.{NASTY}".split(",")[0]}
    assert page.address == "hide=cascade"


def test_drift_and_missing_indexes_can_be_looked_at_alone(opened: Opener) -> None:
    """One each."""
    page = opened(shop())
    legend = page.page.locator("#legend")
    legend.get_by_role("button", name="drift only").click()
    assert page.page.locator("g.edge:not(.gone)").evaluate_all("all => all.map(one => one.id)") == ["key-4"]
    legend.get_by_role("button", name="drift only").click()
    legend.get_by_role("button", name="no index only").click()
    assert page.page.locator("g.edge:not(.gone)").evaluate_all("all => all.map(one => one.id)") == ["key-1"]


def test_rows_and_orphans_are_laid_over(opened: Opener) -> None:
    """And can be put off."""
    page = opened(shop())
    expect(page.node("orders")).to_contain_text("8,400,000")
    badge = page.page.locator(".badge.orphans")
    expect(badge).to_have_text(re.compile("^12"))
    page.page.get_by_role("button", name="Counts").click()
    expect(badge).to_be_hidden()


def test_it_is_moved_by_dragging_and_zoomed_by_the_wheel(opened: Opener) -> None:
    """The place under the pointer stays there; a drag is no click."""
    page = opened(shop())
    box = page.node("users").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.place()
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 40, y + 25, steps=4)
    page.page.mouse.up()
    page.page.wait_for_timeout(60)
    assert [round(now - was) for now, was in zip(page.place(), before, strict=True)] == [40, 25, 0]
    assert page.address == ""
    page.page.mouse.wheel(0, -200)
    page.page.wait_for_timeout(60)
    assert page.place()[2] > before[2] * 1.2
    moved = page.node("users").bounding_box()
    assert moved is not None
    assert abs(moved["x"] + moved["width"] / 2 - (x + 40)) < 3
    page.page.get_by_role("button", name="Fit").click()
    page.page.wait_for_timeout(60)
    assert page.place() == before


def test_two_fingers_zoom(opened: Opener) -> None:
    """A pinch, as pointers tell of it."""
    page = opened(shop())
    before = page.place()[2]
    page.page.locator("#stage").evaluate(
        """stage => {
            const box = stage.getBoundingClientRect();
            const tell = (type, id, x) => stage.dispatchEvent(new PointerEvent(type, {
                pointerId: id, pointerType: "touch", button: type === "pointermove" ? -1 : 0, bubbles: true,
                clientX: box.left + x, clientY: box.top + 100 }));
            tell("pointerdown", 1, 100); tell("pointerdown", 2, 200);
            tell("pointermove", 2, 400);
            tell("pointerup", 1, 100); tell("pointerup", 2, 400);
        }"""
    )
    page.page.wait_for_timeout(60)
    assert round(page.place()[2] / before, 2) == 3


def test_the_page_scrolls_past_the_diagram(opened: Opener) -> None:
    """A wheel that is turning when the diagram comes under the pointer goes on scrolling."""
    page = opened(shop(), width=1000)
    page.page.mouse.move(500, 300)
    page.page.evaluate("() => scrollTo(0, 60)")
    page.page.wait_for_timeout(30)
    before = page.place()
    page.page.mouse.wheel(0, 120)
    page.page.wait_for_timeout(200)
    assert page.place() == before
    assert page.page.evaluate("() => scrollY") > 60
