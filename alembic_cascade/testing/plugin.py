"""The tests that ``pytest --alembic-cascade`` adds, collected from Alembic's configuration as from a file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alembic_cascade.testing.asked import absolute
from alembic_cascade.testing.items import NOTE, CascadeFile
from alembic_cascade.testing.laboratory import SERVER_OF_ALL, laboratory


def pytest_configure(config: pytest.Config) -> None:
    """Have Alembic's configuration collected, unless single tests are named.

    It may be below a directory that is collected; named a second time, pytest 8 would leave out the rest of that.
    """
    file = laboratory(config).asked.file
    named = [absolute(config.invocation_params.dir / argument) for argument in config.args]
    if not any("::" in argument for argument in config.args) and not {file, *file.parents} & set(named):
        config.args.append(str(file))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The tests, in the place of the file."""
    if file_path == laboratory(parent.config).asked.file:
        return CascadeFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Start one server for all workers of xdist."""
    found = laboratory(node.config)
    if found.asked.url is None and not node.config.option.collectonly:
        node.workerinput[SERVER_OF_ALL] = found.server.url.render_as_string(hide_password=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was tried with less than it should be."""
    notes = list(_notes(terminalreporter))
    if notes:
        terminalreporter.section("alembic_cascade")
        for note in notes:
            terminalreporter.write_line(note)


def _notes(terminalreporter: pytest.TerminalReporter) -> Iterator[str]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, note in report.user_properties:
                    if name == NOTE:
                        yield f"{report.nodeid}: {note}"
