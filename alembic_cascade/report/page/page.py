"""The page: its parts put together, and the policy by which a browser lets it do nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from alembic_cascade.report.page import sections, troubles
from alembic_cascade.report.page.markup import Html, compressed, element, html, joined, number, script_json
from alembic_cascade.report.page.packing import packed
from alembic_cascade.report.page.picture import inlined

SCRIPTS = (
    "elements",
    "packed",
    "report",
    "reach",
    "state",
    "layout",
    "picture",
    "panzoom",
    "graph",
    "panel",
    "search",
    "filters",
    "tables",
    "main",
)
SECTIONS = (
    sections.changes,
    troubles.findings,
    sections.cascades,
    sections.tables,
    sections.loading,
    sections.models,
    troubles.orphans,
    sections.lifecycle,
    troubles.indexes,
    troubles.runbook,
)
# Figures that say something as 0, too.
_TELLING = frozenset({"tables", "keys", "findings", "drift", "orphans"})
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def html_page(document: Mapping[str, Any], opening_svg: str | None) -> str:
    """The report as one HTML file that loads nothing; the same document gives the same text.

    ``opening_svg`` is Graphviz's picture of what is shown first; without it the page draws its own, where scripts run.
    """
    script = _scripts()
    style = _read("page.css")
    parts = [make(document) for make in SECTIONS]
    filled = {
        "policy": _policy(script, style),
        "title": html(document["title"]),
        "style": Html(style),
        "facts": _facts(document),
        "counts": _counts(document["counts"]),
        "contents": joined(_entry(part) for part in parts),
        "picture": Html(inlined(opening_svg) if opening_svg else ""),
        "sections": joined(part.written() for part in parts),
        "notice": html(_read("vendor/NOTICE").strip()),
        "licences": html("\n\n".join(_read(f"vendor/LICENSE.{name}").strip() for name in ("viz-js", "expat"))),
        "data": script_json(packed(document)),
        "worker": script_json(_read("scripts/worker.js")),
        "graphviz": Html(_graphviz()),
        "script": Html(script),
    }
    # In one go: what a name holds is never looked at for places to fill.
    return _PLACE.sub(lambda found: filled[found.group(1)], _read("template.html"))


@cache
def _read(name: str) -> str:
    """A file of this package, with one kind of line breaks: the policy counts every letter of a script."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _scripts() -> str:
    """All modules as one script, each of them a function of its own."""
    return '"use strict";\n' + "\n".join(_read(f"scripts/{name}.js") for name in SCRIPTS)


@cache
def _graphviz() -> str:
    """Graphviz for browsers, compressed: it takes half as much, and is read when it is first used."""
    whole = files(__package__).joinpath("vendor", "viz-global.js").read_bytes()
    return compressed(whole)


def _policy(script: str, style: str) -> str:
    """Nothing from anywhere: this one script, this one style, and Graphviz beside the page.

    https://www.w3.org/TR/CSP3/
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(script)}' 'wasm-unsafe-eval'",
            f"style-src '{_digest(style)}'",
            "worker-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _facts(document: Mapping[str, Any]) -> Html:
    """What the report is of, and what could not be looked at."""
    revisions = document["revisions"]
    told: Sequence[tuple[str, object]] = (
        ("Database", document["database"] or "none: from the models alone"),
        ("Default schema", document["default_schema"]),
        ("Revisions", _range(revisions["from"], revisions["to"])),
        ("Made", document.get("generated")),
        ("Shown", document["narrowed"]),
    )
    facts = joined(element("div", element("dt", name), element("dd", value)) for name, value in told if value)
    remarks = joined(element("p", remark, class_="remark") for remark in document["remarks"])
    return joined([element("dl", facts, class_="facts"), remarks])


def _range(first: str | None, last: str | None) -> Html | None:
    if first is None and last is None:
        return None
    return joined([element("code", first or "base"), " → ", element("code", last or "base")])


def _counts(counts: Mapping[str, int | None]) -> Html:
    return joined(
        element("li", element("b", number(value)), " ", name.replace("_", " "), class_=_count_class(name, value))
        for name, value in counts.items()
        if value or (value is not None and name in _TELLING)
    )


def _count_class(name: str, value: int | None) -> str | None:
    """The colour of what should be nought, where it is not."""
    kinds = {"errors": "bad", "orphans": "bad", "warnings": "warn", "drift": "warn", "unindexed": "warn"}
    return kinds.get(name) if value else None


def _entry(part: sections.Section) -> Html:
    count = None if part.count is None else element("span", number(part.count), class_="count")
    return element("li", element("a", part.short or part.title, count and joined([" ", count]), href=f"#{part.anchor}"))
