"""A report on 1,000 models with 3,000 keys and their database: seconds, memory, and how long each document is."""

from __future__ import annotations

import importlib
import resource
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from audit import KEYS_PER_MODEL, MODELS, module
from sqlalchemy import MetaData, NullPool, create_engine
from sqlalchemy.orm import configure_mappers

from alembic_cascade.audit.auditing import audit, models_left_alone
from alembic_cascade.audit.database import read_database
from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.subject import Subject, schemas_of
from alembic_cascade.cli.output import json_text
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.changes import changes_of
from alembic_cascade.report.diagram import diagram_of, opening
from alembic_cascade.report.document import document
from alembic_cascade.report.dot import dot_text
from alembic_cascade.report.facts import read_facts, with_guarantees
from alembic_cascade.report.gathering import gathered
from alembic_cascade.report.markdown import markdown
from alembic_cascade.report.page.page import html_page
from alembic_cascade.report.report import Report
from alembic_cascade.report.revisions import Range, Revision
from alembic_cascade.report.runbook import runbook
from alembic_cascade.report.svg import svg

LIMIT_SECONDS = 10.0
LIMIT_MEGABYTES = 500
LIMIT_HTML = 5_000_000

# As many keys as there are tables, changed in a loop.
REVISION = f"""\
from alembic import op

def upgrade():
    for number in range({MODELS}):
        table = f"t{{number}}"
        op.drop_constraint(f"{{table}}_r0_fkey", table, type_="foreignkey")
        op.create_foreign_key(f"{{table}}_r0_fkey", table, "t0", ["r0"], ["id"], ondelete="CASCADE")
"""


def reported(metadata: MetaData, url: str) -> Report:
    """All that the command does for a report, but the run of env.py."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        database = read_database(connection, schemas_of([metadata], "public"))
        subject = Subject((metadata,), mapped_models([metadata]), database=database)
        facts = read_facts(connection, subject, "bench", TableName(None, "alembic_version"))
    facts = with_guarantees(facts, subject)
    told = changes_of(Range(None, "one", (Revision("one", "loop", REVISION),)), subject)
    found = gathered(subject, audit(subject), facts)
    whole = replace(found, revisions=told.revisions, changes=told.changes, notes=told.notes, after="one")
    return replace(whole, runbook=runbook(whole))


def compare(url: str) -> bool:
    """Measure, print the figures, and say whether they are within the limits."""
    with TemporaryDirectory(prefix="cascade-bench-") as directory:
        (Path(directory) / "thousand_models.py").write_text(module())
        sys.path.insert(0, directory)
        metadata = importlib.import_module("thousand_models").Base.metadata
    configure_mappers()
    metadata.create_all(create_engine(url, poolclass=NullPool))
    print(
        f"report, {MODELS} models, {MODELS * KEYS_PER_MODEL} keys with their database, a revision of {MODELS} changes"
    )
    started, before = perf_counter(), process_time()
    with models_left_alone():
        report = reported(metadata, url)
        gathered_in = process_time() - before
        texts = {"json": json_text(document(report)), "md": markdown(report), "dot": dot_text(diagram_of(report))}
        picture = svg(diagram_of(report).part(opening(report)), legend=False)
        texts["html"] = html_page({"version": 1, **document(report)}, picture)
    clock, seconds = perf_counter() - started, process_time() - before
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert len(report.changes) == MODELS
    assert len(report.keys) == MODELS * KEYS_PER_MODEL
    # Others on the machine make the clock go on, and not the processor's time.
    print(
        f"  {clock:6.2f} s, of the processor {seconds:5.2f} s (limit {LIMIT_SECONDS:.1f} s), {gathered_in:.2f} s without texts"
    )
    print(f"  {megabytes:6.0f} MB at most (limit {LIMIT_MEGABYTES} MB), with SQLAlchemy's models")
    print(f"  {', '.join(f'{name} {len(text) / 1e6:.2f} MB' for name, text in texts.items())}")
    return seconds <= LIMIT_SECONDS and megabytes <= LIMIT_MEGABYTES and len(texts["html"]) <= LIMIT_HTML


if __name__ == "__main__":
    sys.exit(0 if compare(sys.argv[1]) else 1)
