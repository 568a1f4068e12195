"""Reports to look at: a small one in which everything occurs, and big ones of random keys."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from alembic_cascade.audit.auditing import Waived
from alembic_cascade.audit.findings import Finding, Place, Severity
from alembic_cascade.foreign_keys import Action, ForeignKey, TableName
from alembic_cascade.report.diagram import diagram_of, opening
from alembic_cascade.report.document import document
from alembic_cascade.report.reach import reach
from alembic_cascade.report.report import (
    LifecycleFact,
    Quarantined,
    Report,
    ReportedChange,
    ReportedColumn,
    ReportedKey,
    ReportedModel,
    ReportedNote,
    ReportedRelationship,
    ReportedRevision,
    ReportedTable,
    RunbookStep,
)
from alembic_cascade.report.svg import svg

RULES = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
# It would end a script, an attribute, a comment and a title.
NASTY = "</script><img src=x onerror=alert(1)>\"'&--><!-- {{data}} \u2028 | ü"


def table(name: str, *columns: str, schema: str | None = None, **facts: Any) -> ReportedTable:
    """A table with an ``id``, and the columns of its keys."""
    made = [ReportedColumn("id", "BIGINT", nullable=False, primary_key=True)]
    made += [ReportedColumn(column, "BIGINT", nullable=True, primary_key=False) for column in columns]
    facts = {"group": schema or "public", "module": "shop.models", "in_database": True, **facts}
    model = "".join(part.title() for part in name.rstrip("s").split("_"))
    return ReportedTable(TableName(schema, name), model=model, columns=tuple(made), **facts)


def key(number: int, child: TableName, column: str, parent: TableName, rule: str, **facts: Any) -> ReportedKey:
    """A key that models and database have alike, unless ``reflected`` is given."""
    declared = ForeignKey(f"{child.name}_{column}_fkey", child, parent, ((column, "id"),), ondelete=Action(rule))
    facts = {"reflected": declared, "rationale": f"Rows of {child} and {parent}: {rule}.", **facts}
    return ReportedKey(number, child, parent, declared, **facts)


def shop() -> Report:
    """A shop: every rule, drift, a missing index, orphans, findings, changes, a runbook."""
    users, orders, lines, products, reviews, notes, regions, secrets = (
        table("users", "region_id", rows=1_250_000, orphans=0, lifecycle=(_fact("created_at", "present"),)),
        table("orders", "user_id", "region_id", rows=8_400_000, orphans=12, quarantined=3, findings=(0,)),
        table("order_lines", "order_id", "product_id", rows=31_000_000, orphans=0, findings=(1,)),
        table("products", "region_id", rows=4_200, orphans=0, lifecycle=(_fact("updated_at", "missing"),)),
        table("reviews", "user_id", "product_id", "reply_to", rows=96_000, orphans=0, in_models=False),
        table("audit_notes", "user_id", rows=None, in_database=False, group="shop.audit"),
        table("regions", rows=1, orphans=0),
        table(NASTY, "user_id", rows=0, orphans=0, schema="odd"),
    )
    tables = (notes, lines, orders, products, regions, reviews, users, secrets)
    u, o, li, p, rv, n, rg, s = (one.name for one in (users, orders, lines, products, reviews, notes, regions, secrets))
    keys = (
        key(0, n, "user_id", u, "SET NULL", nullable=True),
        key(1, li, "order_id", o, "CASCADE", indexed=False, orphans=0, findings=(1,)),
        key(2, li, "product_id", p, "RESTRICT", orphans=0),
        key(3, o, "region_id", rg, "NO ACTION", orphans=0),
        _drifted(key(4, o, "user_id", u, "CASCADE", orphans=12, nullable=True, findings=(0,))),
        key(5, p, "region_id", rg, "SET DEFAULT", orphans=0),
        key(6, rv, "product_id", p, "CASCADE", orphans=0),
        key(7, rv, "reply_to", rv, "SET NULL", nullable=True, orphans=0),
        key(8, rv, "user_id", u, "SET NULL", nullable=True, orphans=0),
        key(9, u, "region_id", rg, "NO ACTION", orphans=0),
        key(10, s, "user_id", u, "CASCADE", orphans=0),
    )
    return Report(
        database="shop",
        default_schema="public",
        tables=tables,
        keys=keys,
        relationships=(
            _relationship("User", "orders", "Order", u, "all, delete-orphan", "user", 4),
            _relationship("Order", "user", "User", o, "save-update, merge", "orders", 4),
            _relationship("Product", "reviews", "Review", p, "save-update, merge", None, 6),
        ),
        models=(
            ReportedModel("User", u, "complete", ("1 relationship, with its other side.",)),
            ReportedModel("Order", o, "warning", ("orders.user_id -> users.id: the database has NO ACTION",)),
            ReportedModel(NASTY, s, "waived", (NASTY,)),
        ),
        findings=(
            _finding("foreign-key-drift", Severity.ERROR, "orders.user_id -> users.id", Place("shop/models.py", 42)),
            _finding("unindexed-foreign-key", Severity.WARNING, "order_lines.order_id -> orders.id", None),
            _finding("odd-name", Severity.INFO, NASTY, Place(NASTY, 1)),
        ),
        waived=(Waived(_finding("one-way-relationship", Severity.INFO, "Product.reviews", None), "It is only read."),),
        before="4f1c2a",
        after="9b7d11",
        revisions=(
            ReportedRevision("7a3e90", "orders go with their user"),
            ReportedRevision("9b7d11", f"an index {NASTY}", concurrent=True, reversible=False),
        ),
        changes=(
            ReportedChange(o, "orders_user_id_fkey", "7a3e90", keys[4].reflected, keys[4].declared, "Orders go along."),
            ReportedChange(s, NASTY, "9b7d11", None, keys[10].declared, NASTY),
            ReportedChange(p, None, "9b7d11", None, None, "It is dropped by name.", replaced="products_key"),
        ),
        notes=(ReportedNote("9b7d11", 12, "op.execute is SQL of the project's own, and was not read"),),
        quarantine=(Quarantined("7a3e90", o, 3),),
        runbook=(
            RunbookStep("Backup", "Before anything else.", ("pg_dump --format=custom --file=shop.dump shop",)),
            RunbookStep("Upgrade", "Outside of busy hours: 12 rows move.", ("alembic upgrade head", f"echo '{NASTY}'")),
        ),
        samples={"orders.user_id -> users.id": [["17", "9001"], [NASTY, None]]},
        remarks=("The quarantine could not be looked at: permission denied.",),
        counted=True,
    )


def _fact(column: str, status: str) -> LifecycleFact:
    return LifecycleFact(column, "TIMESTAMP WITH TIME ZONE", "a trigger", status)


def _drifted(one: ReportedKey) -> ReportedKey:
    assert one.declared is not None
    return replace(one, reflected=replace(one.declared, ondelete=Action()), drift="NO ACTION -> CASCADE")


def _relationship(
    model: str, attribute: str, target: str, of: TableName, cascade: str, other: str | None, number: int
) -> ReportedRelationship:
    direction = "one-to-many" if attribute.endswith("s") else "many-to-one"
    return ReportedRelationship(
        model, attribute, target, of, direction, cascade, "False", "select", other, number,
        f"{target} of {model}.", "read when it is first asked for",
    )  # fmt: skip


def _finding(rule: str, severity: Severity, target: str, place: Place | None) -> Finding:
    return Finding(
        rule, severity, target, f"{target} is not as it should be", "A delete is refused.", "-  a\n+  b & c", place
    )


def random_report(tables: int, keys: int, seed: int = 0, *, facts: bool = False) -> Report:
    """Tables with random keys among them, to earlier ones for the most part; ``facts`` are rows, orphans, findings."""
    chance = random.Random(seed)
    names = [
        TableName(None, f"t{number:04d}_{chance.choice(('items', 'events', 'users'))}") for number in range(tables)
    ]
    made: list[ReportedKey] = []
    for number in range(keys):
        child = chance.randrange(tables)
        parent = chance.randrange(max(1, child)) if chance.random() < 0.9 else chance.randrange(tables)
        rule = chance.choice(RULES)
        one = key(number, names[child], f"k{number}", names[parent], rule, indexed=chance.random() < 0.8)
        if chance.random() < 0.05:
            assert one.declared is not None
            one = replace(one, declared=replace(one.declared, enforced=False))
        made.append(one)
    made = [replace(one, id=number) for number, one in enumerate(sorted(made, key=lambda one: (one.child, one.id)))]
    columns: dict[TableName, list[str]] = {name: [] for name in names}
    for one in made:
        columns[one.child].append(one.key.local_columns[0])
    rows = {name: chance.randrange(1_000_000) if facts else None for name in names}
    return Report(
        database="big" if facts else None,
        default_schema="public",
        tables=tuple(table(name.name, *columns[name], rows=rows[name]) for name in names),
        keys=tuple(made),
        relationships=tuple(_both_ways(made)) if facts else (),
        models=tuple(ReportedModel(f"M{number}", name, "complete", ()) for number, name in enumerate(names)),
        findings=tuple(
            _finding("unindexed-foreign-key", Severity.WARNING, one.label, Place("models.py", one.id + 1))
            for one in made
            if not one.indexed
        ),
        counted=False,
    )


def star(children: int) -> Report:
    """Tables that hang on one, as everything of a user's does."""
    names = [TableName(None, f"measured_{number:03d}") for number in range(children)]
    users = TableName(None, "users")
    return Report(
        database=None,
        default_schema="public",
        tables=(*(table(name.name, "user_id") for name in names), table("users")),
        keys=tuple(key(number, name, "user_id", users, "CASCADE") for number, name in enumerate(names)),
    )


def _both_ways(keys: Iterable[ReportedKey]) -> Iterable[ReportedRelationship]:
    for one in keys:
        child, parent = one.child.name.title(), one.parent.name.title()
        yield _relationship(parent, f"children_{one.id}s", child, one.parent, "all", f"parent_{one.id}", one.id)
        yield _relationship(child, f"parent_{one.id}", parent, one.child, "save-update, merge", None, one.id)


def reached_from(report: Report, name: TableName) -> Report:
    """The report that was asked for this table."""
    return replace(report, reach={name: reach(report.keys, name)})


def as_document(report: Report) -> dict[str, Any]:
    """What a page is made of."""
    return {"version": 1, **document(report)}


def opening_picture(report: Report) -> str:
    """What a page shows first; it has a legend of its own."""
    return svg(diagram_of(report).part(opening(report)), legend=False)
