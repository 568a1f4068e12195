"""The page in Chromium: names that look like markup, links, keys, light and dark, paper, and no scripts at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Opener
from playwright.sync_api import expect
from reports import NASTY, random_report, shop

WHITE = "rgb(255, 255, 255)"


def test_a_table_called_script_is_shown_and_not_run(opened: Opener) -> None:
    """In the diagram, the panel, the search and the tables; nothing of it becomes an element."""
    page = opened(shop(), picture=False)
    assert page.page.locator("img").count() == 0
    page.page.locator("#search").fill("</script>")
    expect(page.page.get_by_role("option")).to_contain_text(["</script><img src=x onerror=alert(1)>"])
    page.page.keyboard.press("Enter")
    expect(page.panel.get_by_role("heading", level=3)).to_contain_text("</script><img src=x onerror=alert(1)>")
    assert page.page.locator("img").count() == 0
    assert page.page.locator("#findings").get_by_text("<img src=x onerror=alert(1)>").count() > 0


def test_what_is_let_in_by_mistake_does_not_run(opened: Opener) -> None:
    """The policy: no script but the page's own, nothing from anywhere."""
    page = opened(shop())
    with page.page.expect_event("requestfailed") as failed:
        page.page.locator("main").evaluate(
            """main => {
                const made = document.createElement("script");
                made.textContent = "document.title = 'run'";
                main.append(made);
                const image = document.createElement("img");
                image.src = "https://example.org/x.png";
                main.append(image);
            }"""
        )
    assert failed.value.failure == "csp"
    page.requests.remove(failed.value.url)
    assert page.page.title() == "Foreign keys of shop"
    assert len(page.complaints) == 2
    assert all("Content Security Policy" in complaint for complaint in page.complaints)
    page.complaints.clear()


def test_the_address_holds_the_state(opened: Opener) -> None:
    """It can be passed on, and the way back goes back."""
    page = opened(shop(), "#table=users&hide=restrict,set-null")
    assert page.marked("chosen") == {"users"}
    assert page.page.locator("g.edge.rule-set-null:not(.gone)").count() == 0
    page.node("orders").click()
    assert page.address == "table=orders&hide=restrict,set-null"
    page.page.go_back()
    expect(page.panel.get_by_role("heading", level=3)).to_have_text("users")
    page.page.evaluate("() => { location.hash = '#table=products'; }")
    expect(page.panel.get_by_role("heading", level=3)).to_have_text("products")


def test_an_address_of_nothing_is_the_page_as_it_opens(opened: Opener) -> None:
    """A table that is gone by now, or a section."""
    assert opened(shop(), "#table=nobody").panel.is_hidden()
    page = opened(shop(), "#runbook")
    assert page.panel.is_hidden()
    expect(page.page.get_by_role("heading", name="Runbook")).to_be_in_viewport()


def test_names_in_the_tables_lead_to_the_diagram(opened: Opener) -> None:
    """Also where the table is chosen already."""
    page = opened(shop())
    for _ in range(2):
        page.page.locator("#cascades").get_by_role("link", name="products").first.click()
        expect(page.panel.get_by_role("heading", level=3)).to_have_text("products")
        expect(page.page.locator("#stage")).to_be_in_viewport()


def test_everything_is_done_by_keys(opened: Opener) -> None:
    """Search, choose, move, zoom, go on to a neighbour, let go."""
    page = opened(shop())
    keyboard = page.page.keyboard
    keyboard.press("/")
    expect(page.page.locator("#search")).to_be_focused()
    keyboard.type("ord")
    assert page.page.get_by_role("option").all_inner_texts()[0].startswith("orders")
    expect(page.page.locator("#search")).to_have_attribute("aria-activedescendant", "suggestion-0")
    keyboard.press("ArrowDown")
    expect(page.page.locator("#search")).to_have_attribute("aria-activedescendant", "suggestion-1")
    keyboard.press("Enter")
    assert page.marked("chosen") == {"order_lines"}
    expect(page.page.locator("#stage")).to_be_focused()
    before = page.place()
    for key, changed in (("ArrowRight", 0), ("ArrowDown", 1), ("+", 2)):
        keyboard.press(key)
        page.page.wait_for_timeout(60)
        assert page.place()[changed] != before[changed]
    keyboard.press("0")
    page.page.wait_for_timeout(60)
    assert page.place() == before
    keyboard.press("Tab")
    focused = page.page.locator("g.node:focus")
    expect(focused).to_have_count(1)
    name = str(focused.get_attribute("aria-label")).split(",")[0]
    keyboard.press("Enter")
    assert page.marked("chosen") == {name}
    keyboard.press("Escape")
    assert page.marked("chosen") == set()
    assert page.panel.is_hidden()
    assert page.address == ""


def test_focus_can_be_seen_and_the_diagram_be_skipped(opened: Opener) -> None:
    """A ring around what has it; the first stop leads past the diagram."""
    page = opened(shop())
    page.page.keyboard.press("Tab")
    skip = page.page.get_by_role("link", name="Skip the diagram")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.page.locator("#search").focus()
    assert page.page.locator("#search").evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(246, 247, 249)"), ("dark", "rgb(16, 20, 27)")])
def test_light_and_dark_are_the_systems_until_the_switch_says_otherwise(
    opened: Opener, scheme: str, ground: str
) -> None:
    """And the switch is remembered."""
    page = opened(shop(), scheme=scheme)
    background = "() => getComputedStyle(document.body).backgroundColor"
    assert page.page.evaluate(background) == ground
    theme = page.page.locator("#theme")
    theme.click()
    assert page.page.evaluate(background) == "rgb(246, 247, 249)"
    theme.click()
    assert page.page.evaluate(background) == "rgb(16, 20, 27)"
    page.page.reload()
    page.settled()
    assert page.page.evaluate(background) == "rgb(16, 20, 27)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_told_from_their_ground(opened: Opener, scheme: str) -> None:
    """Colours of rules, chips and soft words have a contrast of 4.5: https://www.w3.org/TR/WCAG22/#contrast-minimum."""
    page = opened(shop(), "#table=users", scheme=scheme)
    poor = page.page.evaluate(
        """() => {
            const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            const rgb = (colour) => {
                canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
                return [...canvas.getImageData(0, 0, 1, 1).data];
            };
            const light = (colour) => rgb(colour).slice(0, 3).map((one) => one / 255)
                .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
                .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
            const ground = (element) => {
                for (let one = element; one; one = one.parentElement) {
                    const colour = getComputedStyle(one).backgroundColor;
                    if (rgb(colour)[3] === 255) return colour;
                }
            };
            return [...document.querySelectorAll(".rule, .chip, .lead, th, td, dt, a, button, .effect-word, .count")]
                .filter((one) => one.checkVisibility() && one.textContent.trim())
                .map((one) => {
                    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
                    return [one.className, one.textContent.slice(0, 20), (a + 0.05) / (b + 0.05)];
                }).filter(([, , contrast]) => contrast < 4.5);
        }"""
    )
    assert poor == []


def test_on_paper_it_is_light_and_whole(opened: Opener, tmp_path: Path) -> None:
    """No tools, every section, the picture within the page."""
    page = opened(shop(), "#table=users", scheme="dark")
    page.page.emulate_media(media="print", color_scheme="dark")
    for tool in (".toolbar", ".contents", "#theme", ".filter", "#said"):
        assert not page.page.locator(tool).first.is_visible(), tool
    assert page.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == WHITE
    assert all(one.is_visible() for one in page.page.locator("main > section").all())
    page.page.set_viewport_size({"width": 720, "height": 1000})
    svg, body = page.page.locator("#canvas svg").bounding_box(), page.page.locator("body").bounding_box()
    assert svg is not None
    assert body is not None
    assert svg["x"] >= body["x"]
    assert svg["width"] <= body["width"]
    assert page.page.pdf(path=tmp_path / "report.pdf", format="A4").startswith(b"%PDF")


def test_without_scripts_it_is_a_report_with_a_picture(opened: Opener) -> None:
    """Nothing that needs them is there to be pressed."""
    page = opened(shop(), scripts=False)
    expect(page.page.locator("g.node")).to_have_count(8)
    expect(page.page.locator(".toolbar")).to_be_hidden()
    expect(page.page.locator("#cascades tbody tr")).to_have_count(11)


def test_tables_are_sorted_and_filtered(opened: Opener) -> None:
    """By their headings, numbers as numbers; long ones have a field."""
    page = opened(shop())
    tables = page.page.locator("#tables")
    rows = tables.locator("tbody tr:not([hidden])")
    tables.get_by_role("button", name="Rows").click()
    expect(tables.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    texts = [row.locator("td").nth(3).inner_text().replace("\u202f", "") for row in rows.all()]
    assert texts == ["0", "1", "4200", "96000", "1250000", "8400000", "31000000", "\u2013"]
    tables.get_by_role("button", name="Rows").click()
    assert rows.first.locator("td").nth(3).inner_text() == "\u2013"
    field = page.page.get_by_role("searchbox", name="Filter Cascades")
    field.fill("set null")
    expect(page.page.locator("#cascades tbody tr:not([hidden])")).to_have_count(3)
    expect(page.page.locator("#cascades").get_by_role("status")).to_have_text("3 of 11 rows")


def test_commands_are_copied(opened: Opener) -> None:
    """As they are written, whatever is in them."""
    page = opened(shop())
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.page.locator("#runbook .command").nth(2).get_by_role("button")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.page.evaluate("() => navigator.clipboard.readText()") == f"echo '{NASTY}'"


def test_long_sections_of_big_reports_are_there_too(opened: Opener) -> None:
    """They come compressed, and are read when the page stands."""
    page = opened(random_report(300, 900, facts=True))
    expect(page.page.locator("#loading tbody tr")).to_have_count(1800)
    assert page.page.locator("script.packed").count() == 0
    page.page.locator("#loading").get_by_role("searchbox").fill("children_899s")
    expect(page.page.locator("#loading tbody tr:not([hidden])")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("fragment", ["", "#table=users"])
def test_nothing_sticks_out_of_the_window(opened: Opener, width: int, fragment: str) -> None:
    """Also on a phone."""
    page = opened(shop(), fragment, width=width)
    assert page.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_a_reader_of_the_screen_finds_its_way(opened: Opener) -> None:
    """Landmarks, headings and names; each control says what it is."""
    page = opened(shop(), "#table=users").page
    for role in ("main", "banner", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Contents")).to_be_visible()
    expect(page.get_by_role("toolbar", name="Diagram")).to_be_visible()
    expect(page.get_by_role("complementary", name="The chosen table")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^orders, 8"))).to_be_visible()
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('button, input')].filter((one) => one.checkVisibility() && "
        "!(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.length)).map((one) => one.outerHTML)"
    )
    assert unnamed == []
