"""Figures against plain Alembic and against what a careful person writes by hand, from one run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine

PARTS = ("no_drift", "settling", "live_load", "lifecycle", "orphans", "impact", "audit", "verify", "report")

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> int:
    """0 where every ratio is within its limit."""
    from conftest import start_embedded  # noqa: PLC0415

    with TemporaryDirectory(prefix="cascade-bench-", ignore_cleanup_errors=True) as name:
        host, stop = start_embedded(18, Path(name))
        server = create_engine(f"postgresql+psycopg://postgres@/postgres?host={host}", isolation_level="AUTOCOMMIT")
        within = []
        try:
            for part in PARTS:
                # Each in a database and a process of its own, so that none inherits the other's tables or memory.
                with server.connect() as connection:
                    connection.exec_driver_sql(f"CREATE DATABASE {part}")
                url = f"postgresql+psycopg://postgres@/{part}?host={host}"
                done = subprocess.run([sys.executable, Path(__file__).with_name(f"{part}.py"), url], check=False)
                within.append(done.returncode == 0)
        finally:
            server.dispose()
            stop()
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
