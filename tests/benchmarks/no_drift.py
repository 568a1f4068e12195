"""``alembic check`` without drift on 1,000 tables and 2,000 keys: ours against plain Alembic's, in one run."""

from __future__ import annotations

import io
import statistics
import sys
from contextlib import redirect_stdout
from time import perf_counter

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, ForeignKey, Integer, MetaData, NullPool, Table, create_engine

from alembic_cascade import configure_options

TABLES = 1000
KEYS_PER_TABLE = 2
ROUNDS = 7
LIMIT = 1.10


def schema() -> MetaData:
    """Tables that each refer to two others."""
    metadata = MetaData()
    for number in range(TABLES):
        targets = [(number * 7 + place * 13) % max(number, 1) for place in range(KEYS_PER_TABLE)]
        Table(
            f"t{number:04}",
            metadata,
            Column("id", Integer, primary_key=True),
            *(
                Column(f"r{place}", Integer, ForeignKey(f"t{target:04}.id", ondelete="CASCADE"))
                for place, target in enumerate(targets)
            ),
        )
    return metadata


def compare(url: str) -> bool:
    """Measure both in turn, print the medians, and say whether ours is within the limit."""
    engine = create_engine(url, poolclass=NullPool)
    metadata = schema()
    metadata.create_all(engine)
    ways = {"plain Alembic": {}, "alembic_cascade": configure_options()}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for way, options in [*ways.items()] * (ROUNDS + 1):
        with engine.connect() as connection, redirect_stdout(io.StringIO()):
            # A context of its own each time, as each run of the command has one.
            context = MigrationContext.configure(connection, opts={"target_metadata": metadata, **options})
            started = perf_counter()
            diffs = compare_metadata(context, metadata)
            seconds[way].append(perf_counter() - started)
        assert diffs == [], f"{way} finds drift where there is none: {diffs[:3]}"
    medians = {way: statistics.median(measured[1:]) for way, measured in seconds.items()}
    # Round by round: what slows the machine down for a while slows both.
    plain, ours = (measured[1:] for measured in seconds.values())
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, plain, strict=True))
    print(f"alembic check, {TABLES} tables, {TABLES * KEYS_PER_TABLE} keys, no drift; median of {ROUNDS} runs in turn")
    for way, median in medians.items():
        print(f"  {way:<16} {median:6.3f} s")
    print(f"  ratio            {ratio:6.3f}   (limit {LIMIT:.2f})")
    engine.dispose()
    return ratio <= LIMIT


if __name__ == "__main__":
    sys.exit(0 if compare(sys.argv[1]) else 1)
