"""Proofs of 300 keys over 150 tables, alone and with two relationships over each: the time, and that memory stays flat."""

from __future__ import annotations

import importlib
import statistics
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from figures import peak
from sqlalchemy import Engine, MetaData, NullPool, create_engine

from alembic_cascade import CascadeConfig
from alembic_cascade.proof import Prover

TABLES = 150
KEYS_PER_TABLE = 2
ROUNDS = 3
LIMIT_SECONDS = 20.0
# Rows are forgotten as they are rolled back: what the last two thirds of the proofs may add to what the first needed.
MEMORY_LIMIT_MB = 5

HEAD = """\
from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass
"""


def module() -> str:
    """The text of the models: a tree of tables that go with each other, with a second key of each kind."""
    text = [HEAD]
    for number in range(TABLES):
        # The first refer to themselves.
        targets = (max(number - 1, 0) // 2, (number * 5 + 7) % max(number, 1))
        rules = ("CASCADE", ("SET NULL", "CASCADE", "RESTRICT")[number % 3])
        lines = [
            f"class M{number}(Base):",
            f'    __tablename__ = "t{number:03}"',
            "    __table_args__ = (CheckConstraint(\"state IN ('open', 'done')\"), CheckConstraint(\"email LIKE '%@%'\"))",
            "    id: Mapped[int] = mapped_column(primary_key=True)",
            "    state: Mapped[str] = mapped_column(String(10))",
            "    email: Mapped[str] = mapped_column(String(100), unique=True)",
        ]
        for place, (target, rule) in enumerate(zip(targets, rules, strict=True)):
            lines += [
                f'    r{place}: Mapped[int | None] = mapped_column(ForeignKey("t{target:03}.id", ondelete="{rule}"), index=True)',
                f'    parent{place}: Mapped["M{target} | None"] = relationship(',
                f'        foreign_keys=[r{place}], remote_side="M{target}.id", back_populates="children{number}_{place}")',
            ]
        text.append("\n".join(lines))
        for place, (target, rule) in enumerate(zip(targets, rules, strict=True)):
            how = {
                "CASCADE": ', cascade="all, delete-orphan", passive_deletes=True',
                "RESTRICT": ', passive_deletes="all"',
            }
            text.append(
                f"M{target}.children{number}_{place} = relationship(M{number}, foreign_keys=[M{number}.r{place}],"
                f' back_populates="parent{place}"{how.get(rule, ", passive_deletes=True")})'
            )
    return "\n\n".join(text) + "\n"


def proved(engine: Engine, metadata: MetaData, kind: str | None) -> tuple[float, float, Counter[str]]:
    """The seconds of all proofs, or those of one kind, the memory that grew on the way, and the outcomes."""
    started, found, before = perf_counter(), Counter[str](), 0.0
    with engine.connect() as connection:
        prover = Prover(connection, [metadata], config=CascadeConfig())
        wanted = [claim for claim in prover.claims if kind is None or claim.kind == kind]
        for number, proof in enumerate(prover.proofs(wanted)):
            found[proof.outcome] += 1
            if number == len(wanted) // 3:
                before = peak()
    return perf_counter() - started, peak() - before, found


def compare(url: str) -> bool:
    """Measure, print the medians, and say whether they are within the limits."""
    with TemporaryDirectory(prefix="cascade-bench-") as directory:
        (Path(directory) / "proved_models.py").write_text(module())
        sys.path.insert(0, directory)
        metadata = importlib.import_module("proved_models").Base.metadata
    # SQLAlchemy's own cache of statements would go on filling up.
    engine = create_engine(url, poolclass=NullPool, query_cache_size=50)
    metadata.create_all(engine)
    print(f"verify, {TABLES * KEYS_PER_TABLE} keys on {TABLES} tables; median of {ROUNDS} runs")
    within = True
    for words, kind in (("keys", "foreign key"), (f"and {2 * TABLES * KEYS_PER_TABLE} relationships", None)):
        runs = [proved(engine, metadata, kind) for _ in range(ROUNDS)]
        seconds, outcomes = statistics.median(run[0] for run in runs), runs[0][2]
        grown = max(run[1] for run in runs)
        limit = f"limit {LIMIT_SECONDS:.0f} s" if kind else "no limit"
        print(f"  {words:<22} {seconds:6.2f} s ({limit}), {dict(outcomes)}")
        print(f"  {'':<22} memory {grown:+.1f} MB (limit {MEMORY_LIMIT_MB} MB)")
        within = within and set(outcomes) == {"proved"} and grown <= MEMORY_LIMIT_MB
        within = within and (kind is None or seconds <= LIMIT_SECONDS)
    engine.dispose()
    return within


if __name__ == "__main__":
    sys.exit(0 if compare(sys.argv[1]) else 1)
