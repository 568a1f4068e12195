"""Figures of the page in Chromium: its size, when the first picture stands, how smoothly it moves, how long layouts take."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from chromium import FLAGS, found
from playwright.sync_api import Browser, Page, sync_playwright
from reports import as_document, opening_picture, random_report

from alembic_cascade.report.page.page import html_page

RUNS = 5
# Tables, keys, and seconds in which the first picture has to stand.
SIZES = ((300, 700, 2.0), (1000, 3000, 4.0))
MEGABYTES = 5.0
# Of the time between two frames while the picture is dragged, the median, on two slow processors without graphics.
FRAME = 1000 / 30

# When what is there has been painted, in milliseconds since the page was asked for.
PAINTED = """() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(
    document.querySelectorAll("g.node").length ? performance.now() : NaN))))"""
DRAG = """async () => {
    const stage = document.getElementById("stage");
    const box = stage.getBoundingClientRect();
    const tell = (type, step) => stage.dispatchEvent(new PointerEvent(type, {
        pointerId: 7, button: type === "pointermove" ? -1 : 0, bubbles: true,
        clientX: box.left + 300 + step * 5, clientY: box.top + 200 + Math.sin(step / 5) * 40 }));
    stage.setPointerCapture = () => {};
    const frames = [];
    tell("pointerdown", 0);
    for (let step = 1; step <= 90; step += 1) {
        tell("pointermove", step);
        frames.push(await new Promise((resolve) => requestAnimationFrame(resolve)));
    }
    tell("pointerup", 90);
    return frames.slice(1).map((frame, place) => frame - frames[place]);
}"""


def opened(browser: Browser, file: Path) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(file.as_uri(), wait_until="commit")
    return page


def first_picture(browser: Browser, file: Path) -> float:
    """Seconds from asking for the page until its picture stands."""
    page = opened(browser, file)
    page.locator("html.alive g.node").first.wait_for()
    painted = float(page.evaluate(PAINTED)) / 1000
    page.close()
    return painted


def drag(page: Page) -> list[float]:
    frames: list[float] = page.evaluate(DRAG)
    return frames


def whole(page: Page) -> float:
    """Seconds for the layout of all tables."""
    start = time.perf_counter()
    page.get_by_role("radio", name="All tables").click()
    page.locator("#stage:not([aria-busy])").wait_for(timeout=120_000)
    return time.perf_counter() - start


def told(title: str, frames: list[float]) -> bool:
    ordered = sorted(frames)
    middle, late = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    print(f"  {title:<34} {middle:6.1f} ms a frame, 95 % within {late:.1f} ms (limit of the median {FRAME:.0f} ms)")
    return middle <= FRAME


def measured(browser: Browser, folder: Path, tables: int, keys: int, limit: float) -> bool:
    """Print the figures of one size; whether they are within their limits."""
    report = random_report(tables, keys, facts=True)
    picture = opening_picture(report)
    start = time.process_time()
    text = html_page(as_document(report), picture)
    spent = time.process_time() - start
    file = folder / f"{tables}.html"
    file.write_text(text, encoding="utf-8")
    size = len(text.encode()) / 1e6
    first = statistics.median(first_picture(browser, file) for _ in range(RUNS))
    print(f"{tables} tables, {keys} keys")
    print(f"  {'page':<34} {size:6.2f} MB in {spent:.2f} s of the processor (limit {MEGABYTES} MB)")
    print(f"  {'first picture, median of ' + str(RUNS):<34} {first:6.2f} s (limit {limit} s)")
    page = opened(browser, file)
    page.locator("html.complete").wait_for(state="attached", timeout=120_000)
    within = [told("dragging what is shown first", drag(page))]
    print(f"  {'layout of all, beside the page':<34} {whole(page):6.2f} s")
    within.append(told("dragging all", drag(page)))
    page.close()
    return size <= MEGABYTES and first <= limit and all(within)


def main() -> int:
    """0 where all is within its limit."""
    with TemporaryDirectory(prefix="cascade-page-") as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=list(FLAGS))
        within = [measured(browser, Path(name), *size) for size in SIZES]
        browser.close()
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
