"""What the tests of ``orphans`` share: a project with models that they write, and the command run on it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from click.testing import CliRunner, Result
from workplace import ENV, Workplace

from alembic_cascade.cli.commands import cascade

HEAD = """\
from sqlalchemy import *
from sqlalchemy.orm import *


class Base(DeclarativeBase):
    pass


"""


@dataclass
class Site(Workplace):
    """A project whose env.py has models, and perhaps settings."""

    def model(self, text: str, settings: str = "") -> None:
        """Other models, as a new process would import them; ``settings`` are arguments of CascadeConfig."""
        (self.path / "app_models.py").write_text(HEAD + dedent(text))
        ini = (self.path / "alembic.ini").read_text()
        if "prepend_sys_path" not in ini:
            (self.path / "alembic.ini").write_text(ini + "prepend_sys_path = .\n")
        head = "from alembic_cascade import CascadeConfig\nfrom app_models import Base\n"
        more = f", target_metadata=Base.metadata, cascade=CascadeConfig({settings})"
        self.write_env(head + ENV.replace("connection=connection", f"connection=connection{more}"))

    def run(
        self, *arguments: str, answer: str | None = None, columns: int | None = None, command: str = "orphans"
    ) -> Result:
        """``alembic-cascade orphans`` with these arguments."""
        sys.modules.pop("app_models", None)
        runner = CliRunner(env={"COLUMNS": None if columns is None else str(columns)})
        return runner.invoke(
            cascade, [command, *arguments], input=answer, catch_exceptions=False, prog_name="alembic-cascade"
        )

    def document(self, *arguments: str) -> dict[str, Any]:
        """What is said as JSON."""
        result = self.run(*arguments, "--format", "json")
        assert result.exit_code in {0, 1}, result.output
        written = json.loads(result.stdout)
        assert written.pop("version") == 1
        return written

    def counts(self, *arguments: str) -> dict[str, tuple[int, int, int]]:
        """Orphans, references and NULL links by key, of those that were counted."""
        return {
            key["key"]: (key["orphans"], key["references"], key["null"])
            for key in self.document(*arguments)["keys"]
            if key["status"] == "counted"
        }

    def everything(self) -> list[Any]:
        """All rows of all tables outside of the quarantine, with their places."""
        tables = self.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'alembic_cascade') ORDER BY 1"
        )
        return [(table, sorted(map(repr, self.fetch(f"SELECT * FROM {table}")))) for (table,) in tables]

    def written(self) -> list[Any]:
        """What any write would change: each row's place and transaction, and the catalogue's number of relations."""
        tables = self.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
        places = [self.fetch(f"SELECT tableoid, ctid, xmin FROM {table} ORDER BY 1, 2") for (table,) in tables]
        return [tables, places, self.fetch("SELECT count(*) FROM pg_class"), self.fetch("SELECT count(*) FROM pg_proc")]


def failure(result: Result) -> str:
    """What is said of a command that could not run."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").removesuffix("\n")
