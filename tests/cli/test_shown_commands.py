"""The commands that the documentation shows: each is one that there is, with options and arguments that it takes."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest
from test_docs import PAGES, code_blocks

from alembic_cascade.cli.commands import cascade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPED = {"console": re.compile(r"^\$ (alembic-cascade .*)$", re.MULTILINE)}
TYPED["yaml"] = re.compile(r"^ *(?:- )?(?:run: )?(alembic-cascade .*)$", re.MULTILINE)
# What only the shell of a CI job knows.
VARIABLE = re.compile(r"\$\{.*?\}")


def shown() -> Iterator[tuple[str, str]]:
    """Each command line of a session or of a CI job, and the page that has it."""
    for name in PAGES:
        for block in code_blocks(name):
            if block.language in TYPED:
                for line in TYPED[block.language].findall(block.text):
                    yield name, re.split(r" (?:>|\||\|\|) ", VARIABLE.sub("postgresql://localhost", line))[0]


@pytest.mark.parametrize(("name", "line"), sorted(set(shown())))
def test_a_command_that_a_page_shows_is_taken(
    name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option that was renamed would be found by the reader."""
    monkeypatch.chdir(tmp_path)
    for file in re.findall(r" (\w+\.(?:json|sql))\b", line):
        (tmp_path / file).write_text("{}")
    command: click.Command = cascade
    context = click.Context(cascade, info_name="alembic-cascade")
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        _, words, _ = command.make_parser(context).parse_args(args=words)
        found = command.get_command(context, words[0])
        assert found is not None, name
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=line)
    command.parse_args(context, words)


def test_the_pages_show_every_command() -> None:
    """Else nothing would be looked at."""
    assert {word for _, line in shown() for word in line.split()} >= set(cascade.commands)
