"""An audit of 1,000 models with 3,000 keys, a relationship over each: without and with their database."""

from __future__ import annotations

import importlib
import statistics
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import configure_mappers

from alembic_cascade.audit.auditing import audit, models_left_alone
from alembic_cascade.audit.database import read_database
from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.subject import Subject, schemas_of

MODELS = 1000
KEYS_PER_MODEL = 3
ROUNDS = 3
LIMIT_SECONDS = 5.0

HEAD = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass
"""

# What a project has: most keys are as they should be, of the others each kind is there.
RULES = ("CASCADE", "CASCADE", "SET NULL", None, "CASCADE", "RESTRICT")


def module() -> str:
    """The text of the models: each refers to three that come before it, and to itself where there are none."""
    text = [HEAD]
    for number in range(MODELS):
        lines = [
            f"class M{number}(Base):",
            f'    __tablename__ = "t{number:04}"',
            "    id: Mapped[int] = mapped_column(primary_key=True)",
        ]
        for place in range(KEYS_PER_MODEL):
            target = (number * 7 + place * 131 + number // 3) % max(number, 1)
            rule = RULES[(number + place) % len(RULES)]
            ondelete = "" if rule is None else f', ondelete="{rule}"'
            lines += [
                f'    r{place}: Mapped[int | None] = mapped_column(ForeignKey("t{target:04}.id"{ondelete}), index={bool((number + place) % 4)})',
                f'    parent{place}: Mapped["M{target} | None"] = relationship(',
                f'        foreign_keys=[r{place}], remote_side="M{target}.id", back_populates="children{number}_{place}")',
            ]
        text.append("\n".join(lines))
    for number in range(MODELS):
        for place in range(KEYS_PER_MODEL):
            target = (number * 7 + place * 131 + number // 3) % max(number, 1)
            passive = ", passive_deletes=True" if (number + place) % 3 else ""
            cascade = ', cascade="all, delete-orphan"' if RULES[(number + place) % len(RULES)] == "CASCADE" else ""
            text.append(
                f"M{target}.children{number}_{place} = relationship(M{number}, foreign_keys=[M{number}.r{place}],"
                f' back_populates="parent{place}"{cascade}{passive})'
            )
    return "\n\n".join(text) + "\n"


def audited(metadata: Any, url: str | None) -> tuple[float, float, Counter[str]]:
    """The seconds of one audit by the clock and of the processor, and its findings by rule.

    The mappers are configured already, which is SQLAlchemy's own work.
    """
    started, before = perf_counter(), process_time()
    with models_left_alone():
        mapped = mapped_models([metadata])
        if url is None:
            subject = Subject((metadata,), mapped)
        else:
            with create_engine(url, poolclass=NullPool).connect() as connection:
                database = read_database(connection, schemas_of([metadata], "public"))
            subject = Subject((metadata,), mapped, database=database)
        found = audit(subject)
    return perf_counter() - started, process_time() - before, Counter(finding.rule for finding in found.findings)


def compare(url: str) -> bool:
    """Measure, print the medians, and say whether they are within the limit."""
    with TemporaryDirectory(prefix="cascade-bench-") as directory:
        (Path(directory) / "thousand_models.py").write_text(module())
        sys.path.insert(0, directory)
        started = perf_counter()
        metadata = importlib.import_module("thousand_models").Base.metadata
        imported = perf_counter()
        configure_mappers()
        configured = perf_counter()
        create = create_engine(url, poolclass=NullPool)
        metadata.create_all(create)
        print(
            f"audit, {MODELS} models, {MODELS * KEYS_PER_MODEL} keys, {2 * MODELS * KEYS_PER_MODEL} relationships; median of {ROUNDS}"
        )
        print(
            f"  SQLAlchemy's own: models imported {imported - started:.2f} s, mappers configured {configured - imported:.2f} s"
        )
        within = True
        for words, address in (("models only", None), ("with database", url)):
            runs = [audited(metadata, address) for _ in range(ROUNDS)]
            # Others on the machine make the clock go on, and not the processor's time.
            clock, seconds = (statistics.median(column) for column in list(zip(*runs, strict=True))[:2])
            findings = runs[0][2]
            assert all(found == findings for *_, found in runs)
            print(f"  {words:<14} {clock:6.2f} s, of the processor {seconds:5.2f} s (limit {LIMIT_SECONDS:.1f} s)")
            print(f"  {'':<14} {findings.total()} findings by {len(findings)} rules")
            within = within and seconds <= LIMIT_SECONDS
    return within


if __name__ == "__main__":
    sys.exit(0 if compare(sys.argv[1]) else 1)
