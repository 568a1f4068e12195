"""The command line: ``alembic-cascade``, of the extra ``cli``."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line, and exit with its status.

    Without the libraries of the extra, one line says how to get them, and the status is 2.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names and values can have letters that the encoding of a terminal or a pipe lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from alembic_cascade.cli.commands import cascade  # noqa: PLC0415 - click need not be there

        cascade(prog_name="alembic-cascade")
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in {"click", "rich"}:
            raise
        sys.stderr.write(f"error: {library} is missing: pip install alembic-cascade[cli]\n")
        sys.exit(2)
