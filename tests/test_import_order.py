"""One way through the house: which module of the package may import which."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from itertools import takewhile
from pathlib import Path

import pytest

import alembic_cascade

PACKAGE = Path(alembic_cascade.__file__).parent


def dotted(path: Path) -> str:
    """A module's name below the package, such as ``sql.catalogue``; a package's own for its ``__init__``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "__init__"


# What is installed beside the package is none of its modules.
MODULES = {dotted(path): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py") if path.parent.name != "beside"}

# From what knows nothing of the others to what knows all: a module imports from the rows above its own.
ROWS = [
    {
        "errors",
        "sql",
        "sql.quoting",
        "sql.lock_timeout",
        "signals",
        "sentences",
        "sorting",
        "dbapi_errors",
        "orphans",
        "calls",
        "audit",
        "audit.findings",
        "doctor",
        "eject",
        "impact",
        "rehearsal",
        "report",
    },
    {"concurrently", "escaping", "lifecycle", "patterns", "sql.functions", "sql.row_digests", "rolling_back"},
    {"lifecycle.policy", "lifecycle.server_functions", "audit.policy", "impact.statements"},
    {"config", "foreign_keys", "embedded"},
    {"sql_file", "locking", "audit.relations", "audit.sources"},
    {"naming", "keys_of_parents", "orphans.statements", "audit.deletion", "sql.system_tables"},
    {"sql.catalogue", "sql.constraints", "lifecycle.triggers", "audit.mapped"},
    {"orphans.columns", "orphans.references", "sql.audit_queries", "sql.orphan_queries"},
    {"sql.preflight_queries", "sql.report_queries"},
    {"orphans.stores"},
    {"orphans.quarantine", "impact.prediction"},
    {"orphans.relations", "impact.tree"},
    {"orphans.erasure"},
    {"sql.foreign_key_blocks"},
    {"sql.translation_block", "concurrently.statements"},
    {"running"},
    {"reflected"},
    {"declared", "audit.database"},
    {"comparison", "orphans.strategies", "audit.subject"},
    {"proof.catalogue", "proof.outcome", "proof.regexes", "proof.refusals"},
    {"proof.values", "proof.claims", "proof.deferred", "proof.reading"},
    {"proof.literals", "proof.statements"},
    {"proof.taking", "proof.rows"},
    {"proof.shapes"},
    {"proof.making"},
    {"proof.watching", "proof.foresight", "proof.hints"},
    {"proof.ground"},
    {"proof.below", "proof.deleting", "proof.entities"},
    {"proof.key_proof"},
    {"proof.relation_proof"},
    {"proof.proving"},
    {"proof"},
    {"audit.rule", "audit.fixes", "audit.cascades", "audit.columns", "audit.indexes", "orphans.links"},
    {"orphans.looked"},
    {"orphans.looking"},
    {"orphans.planning", "orphans.remarks"},
    {"audit.handing_over"},
    # None knows of another one.
    {module for module in MODULES if module.startswith("audit.rules.")},
    {"audit.rules"},
    {"audit.auditing"},
    {"audit.formats"},
    {"ops.arguments", "ops.ordinary"},
    {"report.report", "report.styles", "report.words", "report.evaluating", "report.steps", "report.revisions"},
    {
        "report.reach",
        "report.columns",
        "report.models",
        "report.facts",
        "report.diagram",
        "report.written",
        "report.renaming",
    },
    {"report.gathering", "report.operations", "report.dot", "report.mermaid", "report.narrowing", "report.runbook"},
    {"report.names"},
    {"report.reading", "report.svg", "report.document", "report.markdown_lists"},
    {"report.changes"},
    {"report.markdown"},
    {"report.page", "report.page.markup", "report.page.picture"},
    {"report.page.packing", "report.page.sections"},
    {"report.page.troubles"},
    {"report.page.page"},
    {"ops.orphans_of_key", "ops.begin_concurrently", "ops.foreign_key_index", "ops.lifecycle_trigger"},
    {
        "ops.add_foreign_key",
        "ops.translate_references",
        "ops.named_unique",
        "ops.restore_orphans",
        "ops.backfill_lifecycle_column",
    },
    {"ops.alter_foreign_key", "ops.nameless_key", "ops.clean_orphans"},
    {"ops"},
    {"ops.keys_of", "scope", "lifecycle.statements", "lifecycle.reflected", "lifecycle.wanted"},
    {"orphans.rewriter", "report.lifecycle"},
    {"concurrently.missing_indexes", "lifecycle.columns"},
    {"lifecycle.trigger_comparison"},
    {"concurrently.rewriter", "lifecycle.comparators"},
    {"rewriter"},
    {"tables", "translation", "wiring"},
    {"changes", "whole_tables", "differences"},
    {"ordering"},
    {"concurrently.steps"},
    {
        "concurrently.keys",
        "concurrently.orphans",
        "concurrently.version",
        "concurrently.indexes",
        "concurrently.plain_operations",
    },
    {"concurrently.turn"},
    {
        "comparators",
        "renderers",
        "implementations",
        "orphans.renderers",
        "orphans.implementations",
        "lifecycle.renderers",
        "lifecycle.implementations",
    },
    {"plugin", "orphans.settling"},
    {"doctor.outcome"},
    {"doctor.wired", "doctor.log_lines", "doctor.connecting", "doctor.sources", "doctor.examined"},
    {
        "doctor.modules",
        "doctor.server",
        "doctor.rights",
        "doctor.row_security",
        "doctor.kept_rows",
        "doctor.keys",
        "doctor.half_way",
    },
    {"doctor.examination"},
    {"eject.scripted", "eject.reading", "eject.literals"},
    {"eject.rewriting"},
    {"eject.files"},
    {
        "rehearsal.lines",
        "rehearsal.listeners",
        "rehearsal.clock",
        "rehearsal.guard",
        "rehearsal.sequences",
        "rehearsal.statements",
    },
    {"environment", "rehearsal.addresses"},
    {
        "rehearsal.outcome",
        "rehearsal.rows",
        "rehearsal.copies",
        "rehearsal.diversion",
        "rehearsal.witness",
        "rehearsal.schemas",
    },
    {"rehearsal.tally", "rehearsal.states", "rehearsal.promises"},
    {"rehearsal.locks", "rehearsal.environments"},
    {"rehearsal.watching"},
    {"rehearsal.running"},
    {"rehearsal.observed"},
    {"rehearsal.on_copy", "rehearsal.in_transaction", "rehearsal.judging"},
    {"rehearsal.rehearsing"},
    {"cli.output", "cli.progress", "cli.whole_file"},
    {"cli.report_range", "cli.options", "cli.listing", "cli.findings", "cli.protection", "cli.rehearse_report"},
    {"cli.orphans_listing"},
    {"cli.orphans_documents", "cli.orphans_seen"},
    {
        "cli.quarantine",
        "cli.audit",
        "cli.compare",
        "cli.impact",
        "cli.orphans",
        "cli.doctor",
        "cli.eject",
        "cli.rehearse",
        "cli.verify",
    },
    {"cli.report_formats"},
    {"cli.report"},
    {"cli.commands"},
    {"cli"},
    {"testing.asked", "testing.environment", "testing.servers", "testing.grounds"},
    {"testing.rows", "testing.database", "testing.words"},
    {"testing.making", "testing.asserting", "testing.laboratory"},
    {"testing", "testing.stages"},
    {"testing.restoring"},
    {"testing.checks"},
    {"testing.items"},
    {"testing.plugin"},
    {"cli.__main__"},
]
PURE = {
    name
    for name in MODULES
    if name.split(".")[0]
    in {"audit", "impact", "proof", "report", "config", "foreign_keys", "naming", "sorting", "dbapi_errors", "sql"}
    or name in {"reflected", "declared", "comparison"}
    or (
        name.split(".")[0] == "orphans"
        and name
        not in {"orphans", "orphans.implementations", "orphans.renderers", "orphans.rewriter", "orphans.settling"}
    )
}


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(tree: ast.Module, *, for_types: bool = True) -> set[str]:
    """Every module that a module's text imports, functions and blocks included."""
    found = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written from the package's name"
            found.update(f"{node.module}.{name.name}" for name in node.names)
        elif for_types or not (isinstance(node, ast.stmt) and is_type_checking(node)):
            pending.extend(ast.iter_child_nodes(node))
    return found


def imported_modules(tree: ast.Module) -> set[str]:
    """The package's own modules among what is imported."""
    found = set()
    for name in imported(tree):
        if name.startswith("alembic_cascade."):
            below = name.removeprefix("alembic_cascade.").split(".")
            candidates = (".".join(below[:size]) for size in range(len(below), 0, -1))
            found.add(next(candidate for candidate in candidates if candidate in MODULES))
        elif name == "alembic_cascade":
            found.add("__init__")
    return found


GRAPH = {name: imported_modules(tree) for name, tree in MODULES.items()}


def row(module: str) -> int:
    """The number of a module's row; beyond the last for one that has none."""
    return len(list(takewhile(lambda row: module not in row, ROWS)))


def test_every_module_has_its_place() -> None:
    """A new module is put into a row, or it is on no way at all."""
    assert set().union(*ROWS) == set(MODULES) - {"__init__"}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"__init__"}))
def test_a_module_imports_from_the_rows_above_its_own(module: str) -> None:
    """What is compared knows nothing of operations, these nothing of what runs them."""
    assert {other for other in GRAPH[module] if row(other) >= row(module)} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Alembic imports the package half-way through its own import: a circle would fail for some and not others."""
    assert len(list(TopologicalSorter(GRAPH).static_order())) == len(MODULES)


def test_nothing_imports_the_edge() -> None:
    """The entry point is Alembic's to load."""
    assert {module for module, others in GRAPH.items() if others & {"plugin", "testing.plugin"}} == set()


@pytest.mark.parametrize("edge", ["cli", "testing"])
def test_an_edge_is_imported_by_itself_alone(edge: str) -> None:
    """The command line and the pytest plugin stand side by side: what both need lies behind them."""
    importing = {module for module, others in GRAPH.items() if any(other.split(".")[0] == edge for other in others)}
    assert {module for module in importing if module.split(".")[0] != edge} == set()


def reached(module: str) -> set[str]:
    """A module and all that its import brings along, the errors left aside."""
    found: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name not in found | {"errors"}:
            found.add(name)
            pending.extend(GRAPH[name])
    return found


@pytest.mark.parametrize("module", sorted(PURE))
def test_what_is_compared_and_its_sql_know_nothing_of_alembic(module: str) -> None:
    """Audit and report read the same values, with no migration in sight."""
    glue = {
        f"{other}: {name}"
        for other in reached(module)
        for name in imported(MODULES[other], for_types=False)
        if name.split(".")[0] == "alembic"
    }
    assert glue == set()


def test_errors_know_of_alembic_what_they_derive_from() -> None:
    """It is all that makes Alembic print them without a traceback."""
    known = {name for name in imported(MODULES["errors"]) if name.split(".")[0] == "alembic"}
    assert known == {"alembic.util.CommandError"}
