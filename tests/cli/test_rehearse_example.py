"""``rehearse`` on the example project: what it says is what the project's own count of its orphans says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from example import ALEMBIC, Example
from rehearsed import COPIES
from sqlalchemy import URL, Engine
from test_cli_process import COMMAND


def test_the_example_is_safe_with_notes(tmp_path: Path, url: URL, engine: Engine) -> None:
    """Up, everything verified, down to the same schema and rows, and up again: as its story has it."""
    example = Example(tmp_path / "project", url)
    example.run(*ALEMBIC, "upgrade", "0001")
    example.run(sys.executable, "load.py")
    example.plan()
    # However slow the machine is.
    found = json.loads(example.run(*COMMAND, "rehearse", "--max-lock", "600", "--format", "json"))["rehearsal"]
    assert (found["verdict"], found["revisions"]) == ("safe with notes", ["0002"])
    assert {reason["kind"] for reason in found["reasons"]} == {"rows quarantined"}
    assert (found["tables_compared"], found["rows_compared"]) == (8, 9_402)
    upgrade, downgrade, _ = found["phases"]
    # The story's own sum: 890 rows went and 180 values became NULL; 40 channels got the time of their last message.
    assert sum(operation["quarantined"] for operation in upgrade["operations"]) == 890 + 180
    uses = [use for operation in upgrade["operations"] for use in operation["tables"]]
    assert (sum(use["deleted"] for use in uses), sum(use["updated"] for use in uses)) == (890, 180 + 40)
    back = [use for operation in downgrade["operations"] for use in operation["tables"]]
    assert (sum(use["inserted"] for use in back), sum(use["updated"] for use in back)) == (890, 180)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(COPIES.replace("%", "%%")).all() == []
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "0001"
