"""Alembic's command line and ours, run as by hand, but in this process: a story has many commands and one start."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO

from alembic.config import main

# What Alembic says in every run, whatever happens.
ROUTINE = ("[alembic.runtime.plugins]", "[alembic.ddl.postgresql]", "Context impl", "Will assume transactional DDL")

_LOGGED = re.compile(r"[A-Z]+ +\[[\w.]+\] ")


@dataclass(frozen=True)
class Ran:
    """What a command said, and its exit code."""

    code: int
    output: str

    @property
    def without_log(self) -> str:
        """What is no line of a logger: a script, for one."""
        return "".join(line for line in self.output.splitlines(keepends=True) if not _LOGGED.match(line))


Command = Callable[..., Ran]


def alembic(*arguments: str) -> Ran:
    """``alembic ...`` in the working directory, without what it always says, unless it fails."""
    ran = run(lambda: main(argv=arguments, prog="alembic"))
    kept = [line for line in ran.output.splitlines(keepends=True) if ran.code or not _is_routine(line)]
    return Ran(ran.code, "".join(kept))


def alembic_cascade(*arguments: str) -> Ran:
    """``alembic-cascade ...`` in the working directory."""
    from alembic_cascade.cli.commands import cascade  # noqa: PLC0415 - not every story needs the extra

    return run(lambda: cascade(arguments, prog_name="alembic-cascade"))


def _is_routine(line: str) -> bool:
    return any(routine in line for routine in ROUTINE)


def run(command: Callable[[], object]) -> Ran:
    """What a command says and ends with, as if it had a process of its own."""
    with TemporaryFile() as file:
        with _output_to(file):
            code = _exit_code(command)
        file.seek(0)
        return Ran(code, file.read().decode())


def _exit_code(command: Callable[[], object]) -> int:
    """What the command's process would end with."""
    try:
        command()
    except SystemExit as ended:
        return int(ended.code or 0) & 0xFF
    except Exception:  # noqa: BLE001 - as Python itself does at the end of a process
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _output_to(file: BinaryIO) -> Iterator[None]:
    """Whatever the process writes goes into the file: Alembic keeps the ``sys.stdout`` that there was at its import."""
    _flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    for number in kept:
        os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        _flush()
        for number, own in kept.items():
            os.dup2(own, number)
            os.close(own)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
