"""Figures against plain Alembic and against what a careful person writes by hand, from one run."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import no_drift
import settling

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> int:
    """0 where every ratio is within its limit."""
    from conftest import start_embedded  # noqa: PLC0415

    with TemporaryDirectory(prefix="cascade-bench-", ignore_cleanup_errors=True) as name:
        host, stop = start_embedded(18, Path(name))
        url = f"postgresql+psycopg://postgres@/postgres?host={host}"
        try:
            within = [compare(url) for compare in (no_drift.compare, settling.compare)]
        finally:
            stop()
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
