"""Which statement of a revision runs, and how it reads on one line."""

from __future__ import annotations

import runpy
from pathlib import Path
from textwrap import dedent

from alembic_cascade.rehearsal.lines import Revision

SOURCE = """\
def upgrade():
    seen()
    seen(
        "more",
        than="one line",
    )
    for number in range(
        seen() or 2
    ):
        seen(number)
    with context():
        below()


def below():
    return seen()
"""


def lines_of(path: Path, source: str) -> list[tuple[int, str]]:
    """Where and how each call of ``seen`` is found."""
    path.write_text(dedent(source))
    revision = Revision(str(path))
    found = []

    class Context:
        def __enter__(self) -> None:
            seen()

        def __exit__(self, *_error: object) -> None:
            seen()

    def seen(*_arguments: object, **_more: object) -> None:
        line = revision.running_line()
        assert line is not None
        found.append(tuple(line))

    module = runpy.run_path(str(path), {"seen": seen, "context": Context})
    module["upgrade"]()
    assert revision.running_line() is None
    return found


def test_the_innermost_statement_of_the_file_is_what_runs(tmp_path: Path) -> None:
    """With its first line, on one line; of a block, what stands above it."""
    assert lines_of(tmp_path / "one.py", SOURCE) == [
        (2, "seen()"),
        (3, 'seen("more", than="one line")'),
        (7, "for number in range(seen() or 2 ):"),
        (10, "seen(number)"),
        (10, "seen(number)"),
        (11, "with context():"),
        (16, "return seen()"),
        (11, "with context():"),
    ]
