"""The command as it is installed: a process of its own, with a terminal or without one."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import entry_points

import pytest
from workplace import Workplace

from alembic_cascade import cli

COMMAND = [sys.executable, "-W", "error", "-m", "alembic_cascade.cli"]


def test_the_command_is_a_script_of_the_package() -> None:
    """``alembic-cascade`` is on the path wherever the package is installed."""
    (found,) = entry_points(group="console_scripts", name="alembic-cascade")
    assert found.load() is cli.main


def test_standard_output_is_the_document_alone(blog: Workplace) -> None:
    """A pipe into jq needs no filter."""
    run = subprocess.run(
        [*COMMAND, "quarantine", "list", "--format", "json"], capture_output=True, text=True, timeout=60, check=True
    )
    assert len(json.loads(run.stdout)["tables"]) == 2
    assert run.stderr == ""


def test_an_error_is_one_line_and_the_status_2(blog: Workplace) -> None:
    """As every command of the package has it."""
    run = subprocess.run(
        [*COMMAND, "-c", "none.ini", "quarantine", "list"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "error: There is no none.ini here. Name the configuration by -c.\n"


def test_letters_that_the_encoding_lacks(workplace: Workplace) -> None:
    """Are escapes, and no traceback whose status would mean findings."""
    workplace.execute('CREATE TABLE "grün" (id integer PRIMARY KEY)', 'INSERT INTO "grün" VALUES (1)')
    run = subprocess.run(
        [*COMMAND, "impact", "grün", "--pk", "1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[0] == r'public."gr\xfcn"  1 row deleted'


def test_a_conflict_is_the_status_1(blog: Workplace) -> None:
    """After what could be restored was committed."""
    blog.execute("INSERT INTO posts VALUES (30, 1)")
    run = subprocess.run(
        [*COMMAND, "quarantine", "restore", "one", "--yes"], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("warning: 1 row of posts stays")
    assert len(blog.fetch("SELECT 1 FROM posts")) == 4


@pytest.mark.parametrize(
    ("answer", "status", "left"), [(b"n\n", 2, 2), (b"y\n", 0, 0), (b"\x03", 2, 2), (b"\x04", 2, 2)]
)
def test_a_terminal_is_asked(blog: Workplace, answer: bytes, status: int, left: int) -> None:
    """A no, an interrupt and the end of the input leave all as it was."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "quarantine", "purge", "one"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "80"},
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - this process has no other thread
    ) as process:
        os.close(theirs)
        said = b""
        while b"[y/N]: " not in said:
            said += os.read(mine, 1000)
        assert _answered(process, mine, answer) == status
    os.close(mine)
    assert b"  3 rows of public.posts, revision one\r\n" in said
    assert len(blog.kept()) == left


def _answered(process: subprocess.Popen[bytes], terminal: int, answer: bytes) -> int | None:
    """The status in which the answer ends it.

    An interrupt that comes after the prompt, and before Python's readline listens, is noticed with the next key: it
    is given again, as at any terminal.
    """
    for _ in range(12):
        os.write(terminal, answer)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(5)
    process.kill()
    return None


def _take_terminal() -> None:
    """Make the terminal the one whose keys interrupt this process, also where who runs the tests ignores them."""
    import fcntl  # noqa: PLC0415
    import signal  # noqa: PLC0415
    import termios  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_libraries_the_command_says_how_to_get_them(missing: str) -> None:
    """The plugin itself does without them."""
    code = f"import sys; sys.modules[{missing!r}] = None; from alembic_cascade.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"error: {missing} is missing: pip install alembic-cascade[cli]\n"


def test_another_module_that_is_missing_is_another_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the extra brings is cured by it."""
    monkeypatch.setitem(sys.modules, "alembic_cascade.cli.commands", None)
    with pytest.raises(ModuleNotFoundError, match=r"alembic_cascade\.cli\.commands"):
        cli.main()
