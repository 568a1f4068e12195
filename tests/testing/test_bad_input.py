"""What can't be run says so once, in words, and never as a traceback of this package."""

from __future__ import annotations

import pytest
from trial import Trial, outcomes, sections

NOBODY = "postgresql+psycopg://127.0.0.1:1/never"


def refusal(trial: Trial, *more: str, **how: str) -> str:
    """Why a run does not begin."""
    with pytest.raises(pytest.UsageError) as refused:
        trial.asked(*more, **how)
    return str(refused.value)


def test_a_configuration_that_is_not_there_is_a_wrong_usage(trial: Trial) -> None:
    """Its name is said, and where another one can be."""
    (trial.pytester.path / "alembic.ini").unlink()
    place = trial.pytester.path
    instead = "Name Alembic's configuration by --alembic-cascade-config, or by alembic_cascade_config in pytest's."
    result = trial.run_here("--alembic-cascade")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = f"--alembic-cascade: there is no {place}/alembic.ini. {instead}"
    assert [line for line in result.errlines if line] == [f"ERROR: {said}"]
    assert refusal(trial, "--alembic-cascade-config=x.ini") == said.replace("alembic.ini.", "x.ini.")


@pytest.mark.parametrize("named", ["sqlite://", "nonsense"])
def test_a_url_of_something_else_is_a_wrong_usage(trial: Trial, named: str) -> None:
    """Only PostgreSQL has what is tested."""
    assert refusal(trial, url=named) == (
        "--alembic-cascade-url: it is no URL of a PostgreSQL database, such as postgresql://localhost/postgres."
    )


def test_an_env_that_fails_is_an_error_of_collection(trial: Trial) -> None:
    """Nothing is known of the project then; what it said is shown."""
    trial.write("migrations/env.py", "raise RuntimeError('the vault is closed')")
    result = trial.run_here("--alembic-cascade")
    assert "env.py could not be run: RuntimeError: the vault is closed" in result.outlines
    assert "Traceback" not in result.stdout.str()
    result.assert_outcomes(errors=1)


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("def upgrade(:", "The project's revisions can't be read: SyntaxError: "),
        ("revision, down_revision = 'a', 'a'", "Self-loop is detected in revisions (a)"),
    ],
)
def test_revisions_that_can_not_be_read_are_an_error_of_collection(trial: Trial, revision: str, said: str) -> None:
    """There would be no database to test."""
    trial.write("models.py", "from sqlalchemy import MetaData\n\nmetadata = MetaData()\n")
    trial.write("migrations/versions/a.py", revision)
    result = trial.run_here("--alembic-cascade")
    result.assert_outcomes(errors=1)
    assert [line for line in result.outlines if line.startswith(said)]
    assert not [line for line in result.outlines if line.startswith("E ")]


def test_an_env_that_exits_is_an_error_of_collection(trial: Trial) -> None:
    """Pytest itself would end by it."""
    trial.write("migrations/env.py", "raise SystemExit('the vault is closed')")
    result = trial.run_here("--alembic-cascade")
    result.assert_outcomes(errors=1)
    assert "env.py could not be run: it exits with 'the vault is closed'." in result.outlines


def test_an_own_test_without_a_configuration_says_so(trial: Trial) -> None:
    """Not by a traceback of this package."""
    (trial.pytester.path / "alembic.ini").unlink()
    trial.write("test_own.py", "def test_own(make_row):\n    pass\n")
    result = trial.run_here()
    result.assert_outcomes(errors=1)
    assert [line for line in result.outlines if line.startswith("--alembic-cascade: there is no ")]
    assert "laboratory.py" not in result.stdout.str()


def test_an_env_of_several_databases_has_to_have_one_chosen(trial: Trial) -> None:
    """One is tested at a time."""
    env = (trial.pytester.path / "migrations" / "env.py").read_text()
    trial.write("models.py", "from sqlalchemy import MetaData\n\nmetadata = MetaData()\n")
    body = env.partition("if context.is_offline_mode():")
    loop = "".join(f"    {line}\n" for line in "".join(body[1:]).splitlines())
    trial.write("migrations/env.py", f"{body[0]}for _ in range(2):\n{loop}")
    result = trial.run_here("--alembic-cascade", "--collect-only")
    assert [line for line in result.outlines if "several databases" in line] == [
        "env.py runs migrations for several databases, and one is tested at a time. Choose it by "
        "--alembic-cascade-name or --alembic-cascade-x."
    ]


def test_a_name_that_a_terminal_would_obey_is_escaped(trial: Trial) -> None:
    """One test is one line, whatever a table is called; quotes and letters of any language stay."""
    trial.write(
        "models.py",
        """
        from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

        metadata = MetaData()
        Table('Schlüssel "x"[1]::y', metadata, Column("i d", Integer, primary_key=True))
        Table("a\\nb\\x1b[31m", metadata, Column("x", ForeignKey('Schlüssel "x"[1]::y.i d'), primary_key=True))
        """,
    )
    result = trial.run_here("--alembic-cascade", "--collect-only", "-q")
    assert result.outlines[0] == 'alembic.ini::test_cascade[a\\nb\\x1b[31m.x->Schlüssel "x"[1]::y.i d]'


def test_a_server_that_is_not_there_and_revisions_that_fail_are_told_by_each_test(trial: Trial) -> None:
    """Each test that needs a database says why it has none."""
    trial.write("models.py", "from sqlalchemy import MetaData\n\nmetadata = MetaData()\n")
    trial.revise("fails", None, up="SELECT 1 / 0")
    trial.revise("later", "fails")
    trial.write("test_own.py", "def test_own(cascade_database):\n    pass\n")
    absent = sections(trial.run_here("--alembic-cascade", "-v", url=NOBODY))
    assert absent["test_no_drift"].startswith("No scratch database could be made: connection failed: ")
    assert absent["test_no_drift"].endswith(
        "--alembic-cascade-url has to name a server that is there, and a role that has CREATEDB.\n"
    )
    result = trial.run_here("--alembic-cascade", "-v")
    assert set(outcomes(result).values()) == {"FAILED", "ERROR"}
    failing = sections(result)
    told = (
        "There is no database to test, for the upgrade to fails fails: fails.py:9: division by zero. Correct the revision, "
        "or what it finds.\n"
    )
    assert failing["test_no_orphans"] == failing["test_no_drift"] == told
    assert "happened  division by zero" in failing["test_upgrade_downgrade_restores_data[fails]"]
    assert failing["test_upgrade_downgrade_restores_data[later]"] == told
    assert told.rstrip() in result.outlines[result.outlines.index("=" * 36 + " ERRORS " + "=" * 36) :][2]
    assert "Traceback" not in result.stdout.str()
