"""HTML out of text: everything is escaped here, so that no name of a table is ever markup."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

# What ends a script, opens a comment in one, or ends a line for JavaScript alone.
_IN_SCRIPTS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}

# What turns letters round to the end of the line, as escapes: https://www.unicode.org/reports/tr9/
TURNING = {sign: f"\\u{sign:04x}" for sign in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}

# Rows above which a table gets a field to filter it by.
_LONG = 8


class Html(str):
    """Text that is markup already, and escaped where it had to be."""

    __slots__ = ()


# A dash.
UNKNOWN = Html("&ndash;")


def html(value: object) -> Html:
    """``value`` as markup: as it is where it is, else its text, escaped; None is nothing.

    What would turn round the text that follows is written as an escape.
    """
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(str(value).translate(TURNING)))


def joined(parts: Iterable[object], separator: str = "") -> Html:
    return Html(separator.join(html(part) for part in parts))


def element(name: str, *children: object, **attributes: object) -> Html:
    """An element; ``class_`` is its class, ``data_x`` its ``data-x``; an attribute that is None is left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def rule_chip(rule: str, words: str | None = None) -> Html:
    """A delete rule in its colour and with its line; ``words`` where it says more, as of which columns."""
    return element("span", words or rule, class_=f"rule rule-{rule.lower().replace(' ', '-')}")


def status_chip(word: str, kind: str) -> Html:
    return element("span", word, class_=f"chip {kind}")


def table_link(name: str) -> Html:
    """A table's name, which leads to it in the diagram."""
    return element("a", name, href="#table=" + quote(name, safe=""), class_="name")


def code(text: object) -> Html:
    return element("code", text)


def number(value: int | None) -> Html:
    """A number with its thousands set apart; a dash for one that nobody knows."""
    return UNKNOWN if value is None else Html(f"{value:,}".replace(",", "\u202f"))


def table(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[int] = ()) -> Html:
    """A table that can be sorted and, if it is long, filtered; the columns with these ``numbers`` hold numbers.

    The ends of rows and cells are left out, as HTML allows: in big reports they would be a fifth of it.
    https://html.spec.whatwg.org/multipage/syntax.html#optional-tags
    """
    head = "".join(
        f"<th scope=col{' class=number' if place in numbers else ''}>{html(heading)}"
        for place, heading in enumerate(headings)
    )
    body = [
        "<tr>"
        + "".join(f"<td{' class=number' if place in numbers else ''}>{html(cell)}" for place, cell in enumerate(row))
        for row in rows
    ]
    long = " data-long" if len(body) > _LONG else ""
    lines = "\n".join(body)
    return Html(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}"{long}>'
        f"<table><thead><tr>{head}<tbody>\n{lines}\n</table></div>"
    )


def compressed(content: bytes) -> Html:
    """``content`` as the page's scripts read it: by gzip, in letters."""
    return Html(base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii"))


def script_json(value: Any) -> Html:
    """``value`` as JSON for a script element, which nothing in it can end.

    https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Html(text.translate(_IN_SCRIPTS))
