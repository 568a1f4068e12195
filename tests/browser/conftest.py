"""A Chromium, and a page in it that may ask for nothing and complain of nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from chromium import FLAGS, found
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from reports import as_document, opening_picture

from alembic_cascade.report.page.page import html_page
from alembic_cascade.report.report import Report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = found()
    assert path is not None, "python tests/browser/chromium.py says how to get a Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page in the browser, in the words of who looks at it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def node(self, table: str) -> Locator:
        """The table in the diagram."""
        return self.page.get_by_role("button", name=table, exact=False).and_(self.page.locator("g.node")).first

    def shown(self) -> set[str]:
        """The tables of the diagram, by what a reader of the screen hears of them."""
        labels = self.page.locator("g.node").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
        return {label.split(",")[0] for label in labels}

    def marked(self, kind: str) -> set[str]:
        """Those with a class."""
        labels = self.page.locator(f"g.node.{kind}").evaluate_all(
            "all => all.map(one => one.getAttribute('aria-label'))"
        )
        return {label.split(",")[0] for label in labels}

    def settled(self) -> Opened:
        """It, when nothing is being drawn any more."""
        self.page.locator("html.complete").wait_for(state="attached")
        self.page.locator("#stage:not([aria-busy])").wait_for()
        return self

    def place(self) -> tuple[float, float, float]:
        """Where the picture is, and its scale."""
        found = self.page.locator("#canvas").evaluate(
            "one => { const m = new DOMMatrix(getComputedStyle(one).transform); return [m.e, m.f, m.a]; }"
        )
        return (found[0], found[1], found[2])

    @property
    def address(self) -> str:
        return self.page.url.partition("#")[2]

    @property
    def panel(self) -> Locator:
        return self.page.locator("#panel")


Opener = Callable[..., Opened]


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Open a report's page; in the end, it has asked for nothing and complained of nothing."""
    pages: list[Opened] = []

    def open_(
        report: Report,
        fragment: str = "",
        *,
        picture: bool = True,
        width: int = 1280,
        scheme: str = "light",
        scripts: bool = True,
    ) -> Opened:
        file = tmp_path / f"report{len(pages)}.html"
        file.write_text(html_page(as_document(report), opening_picture(report) if picture else None), encoding="utf-8")
        page = chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        ).new_page()
        one = Opened(page)
        pages.append(one)
        page.on("request", lambda request: one.requests.append(request.url))
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        page.on("console", lambda said: one.complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("dialog", lambda dialog: one.complaints.append(f"dialog: {dialog.message}"))
        page.goto(f"file://{quote(str(file))}{fragment}")
        return one.settled() if scripts else one

    yield open_
    for one in pages:
        own = ("file://", "blob:")
        assert [url for url in one.requests if not url.startswith(own)] == []
        assert one.complaints == []
        one.page.context.close()
