"""The report's tables as HTML, in the order in which one reads them; they need no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alembic_cascade.report.page.markup import (
    UNKNOWN,
    Html,
    code,
    compressed,
    element,
    joined,
    number,
    rule_chip,
    status_chip,
    table,
    table_link,
)

Document = Mapping[str, Any]

# How a status is coloured, whatever it is the status of.
_KINDS = {
    "complete": "good",
    "present": "good",
    "waived": "muted",
    "error": "bad",
    "missing": "bad",
    "warning": "warn",
}


# Letters of a section above which it is compressed.
_LONG = 150_000


@dataclass(frozen=True)
class Section:
    """A part of the page with its anchor; ``count`` stands beside its name in the contents."""

    anchor: str
    title: str
    count: int | None
    lead: str
    body: Html
    short: str = ""

    def written(self) -> Html:
        heading = element("h2", self.title, id=f"{self.anchor}-title")
        lead = element("p", self.lead, class_="lead") if self.lead else Html()
        return element("section", heading, lead, self._shown(), id=self.anchor, aria_labelledby=f"{self.anchor}-title")

    def _shown(self) -> Html:
        """The body as it is; a long one compressed, as it would make a page that nobody can send."""
        if len(self.body) < _LONG:
            return self.body
        return joined(
            (
                element("noscript", nothing("This report is so big that its tables need scripts.")),
                element("script", compressed(self.body.encode()), type="application/octet-stream", class_="packed"),
            )
        )


def nothing(said: str) -> Html:
    return element("p", said, class_="nothing")


def changes(document: Document) -> Section:
    found = document["changes"]
    revisions = [
        element(
            "li",
            code(one["revision"]),
            " ",
            one["message"],
            " ",
            status_chip("concurrently", "muted") if one["concurrent"] else None,
            " ",
            None if one["reversible"] else status_chip("no way back", "warn"),
        )
        for one in document["revisions"]["list"]
    ]
    rows = [
        (
            code(one["key"]),
            _definition(one["before"], one["after"]),
            _definition(one["after"], one["before"]),
            code(one["revision"]),
            one["reason"],
        )
        for one in found
    ]
    body = joined(
        [
            element("ol", *revisions, class_="revisions") if revisions else "",
            table("Changes", ("Key", "Before", "After", "Revision", "Why"), rows)
            if rows
            else nothing("No key changes in these revisions."),
            _notes(document["notes"]),
        ]
    )
    return Section("changes", "Changes", len(found), "What the revisions do to each key.", body)


def _notes(notes: Sequence[Mapping[str, Any]]) -> Html:
    """What could not be read in the revisions."""
    said = [
        element("li", code(one["revision"]), f", line {one['line']}: " if one["line"] else ": ", one["said"])
        for one in notes
    ]
    return element("ul", *said, class_="notes") if said else Html()


def _definition(key: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> Html:
    """A key's rule, and in what else it is not as the other one."""
    if key is None:
        return element("span", "no key", class_="muted")
    if key["rule"] is None:
        return joined([code(key["constraint"]), element("span", ", whatever it was", class_="muted")])
    further = [
        element("span", f"{name}: {value}", class_="further")
        for name, value in key.items()
        if name not in {"rule", "ondelete"} and other is not None and other.get(name) != value
    ]
    return joined([rule_chip(key["rule"], key["ondelete"]), *further], " ")


def cascades(document: Document) -> Section:
    keys = document["keys"]
    rows = [
        (
            _key(one),
            rule_chip(one["rule"]),
            element("span", "≠ ", one["drift"], class_="drift-text") if one["drift"] else "",
            _index(one),
            number(one["orphans"]),
            one["rationale"],
        )
        for one in keys
    ]
    headings = ("Key", "On delete", "Drift", "Index", "Orphans", "Why")
    body = table("Cascades", headings, rows, (4,)) if rows else nothing("There are no foreign keys.")
    return Section("cascades", "Cascades", len(rows), "What a delete of the parent does, and why.", body)


def _key(one: Mapping[str, Any]) -> Html:
    """Child, columns and parent; both tables lead into the diagram."""
    child, parent = table_link(one["child"]), table_link(one["parent"])
    columns, referred = ", ".join(one["columns"]), ", ".join(one["referred"])
    return joined([child, f".{columns} → ", parent, f".{referred}"])


def _index(one: Mapping[str, Any]) -> Html:
    indexed = one["indexed"]
    if indexed is None:
        return UNKNOWN
    return status_chip("yes", "good") if indexed else status_chip("missing", "bad")


def tables(document: Document) -> Section:
    found = document["tables"]
    referring: dict[str, int] = {}
    referred: dict[str, int] = {}
    for key in document["keys"]:
        referring[key["child"]] = referring.get(key["child"], 0) + 1
        referred[key["parent"]] = referred.get(key["parent"], 0) + 1
    rows = [
        (
            one["group"],
            table_link(one["name"]),
            one["model"],
            number(one["rows"]),
            number(one["orphans"]),
            number(one["quarantined"]),
            number(referring.get(one["name"], 0)),
            number(referred.get(one["name"], 0)),
            joined(_places(one), " "),
        )
        for one in sorted(found, key=lambda one: str(one["group"]))
    ]
    headings = ("Group", "Table", "Model", "Rows", "Orphans", "Set aside", "Refers to", "Referred to by", "")
    groups = sorted(Counter(str(one["group"]) for one in found).items())
    leads = []
    if any(one["rows_are_estimate"] for one in found):
        leads.append("Rows are the database's own estimate.")
    if len(groups) > 1:
        leads.append(f"By group: {', '.join(f'{group} {count}' for group, count in groups)}.")
    body = table("Tables", headings, rows, (3, 4, 5, 6, 7)) if rows else nothing("There are no tables.")
    return Section("tables", "Tables", len(rows), " ".join(leads), body)


def _places(one: Mapping[str, Any]) -> Iterator[Html]:
    if one["in_models"] is False:
        yield status_chip("only in the database", "warn")
    if one["in_database"] is False:
        yield status_chip("only in the models", "warn")


def loading(document: Document) -> Section:
    found = document["relationships"]
    rows = [
        (
            code(f"{one['model']}.{one['attribute']}"),
            code(one["target"]),
            one["direction"],
            code(one["lazy"]),
            code(one["cascade"]),
            code(one["passive_deletes"]) if one["passive_deletes"] != "False" else UNKNOWN,
            code(one["back_populates"]) if one["back_populates"] else status_chip("one way", "muted"),
            one["rationale"],
        )
        for one in found
    ]
    headings = ("Relationship", "Target", "Direction", "lazy", "cascade", "passive_deletes", "back_populates", "Why")
    meanings = [
        joined([element("dt", code(lazy)), element("dd", words)]) for lazy, words in document["loading"].items()
    ]
    body = (
        joined([element("dl", *meanings, class_="meanings"), table("Loading strategies", headings, rows)])
        if rows
        else nothing("The models have no relationships.")
    )
    lead = "How relationships load, and what they cascade."
    return Section("loading", "Loading strategies", len(rows), lead, body, "Loading")


def models(document: Document) -> Section:
    found = document["models"]
    rows = [
        (
            code(one["model"]),
            table_link(one["table"]) if one["table"] else UNKNOWN,
            status_chip(one["status"], _KINDS.get(one["status"], "muted")),
            joined(element("div", note) for note in one["notes"]),
        )
        for one in found
    ]
    body = table("Models", ("Model", "Table", "Status", "Notes"), rows) if rows else nothing("There are no models.")
    return Section("models", "Models", len(rows), "The relationships of each model, at worst.", body)


def lifecycle(document: Document) -> Section:
    rows = [
        (
            table_link(one["name"]),
            code(column["column"]),
            code(column["type"]),
            column["kept_by"],
            status_chip(column["status"], _KINDS.get(column["status"], "warn")),
        )
        for one in document["tables"]
        for column in one["lifecycle"]
    ]
    headings = ("Table", "Column", "Type", "Kept by", "Status")
    said = "The settings ask for none."
    body = table("Lifecycle columns", headings, rows) if rows else nothing(said)
    lead = "When rows were made, changed and used."
    return Section("lifecycle", "Lifecycle columns", len(rows), lead, body, "Lifecycle")
