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
    result = trial.run("--alembic-cascade")
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
    result = trial.run("--alembic-cascade")
    assert "env.py could not be run: RuntimeError: the vault is closed" in result.outlines
    assert "Traceback" not in result.stdout.str()
    result.assert_outcomes(errors=1)


def test_an_env_of_several_databases_has_to_have_one_chosen(trial: Trial) -> None:
    """One is tested at a time."""
    env = (trial.pytester.path / "migrations" / "env.py").read_text()
    trial.write("models.py", "from sqlalchemy import MetaData\n\nmetadata = MetaData()\n")
    body = env.partition("if context.is_offline_mode():")
    loop = "".join(f"    {line}\n" for line in "".join(body[1:]).splitlines())
    trial.write("migrations/env.py", f"{body[0]}for _ in range(2):\n{loop}")
    result = trial.run("--alembic-cascade", "--collect-only")
    assert [line for line in result.outlines if "several databases" in line] == [
        "env.py runs migrations for several databases, and one is tested at a time. Choose it by "
        "--alembic-cascade-name or --alembic-cascade-x."
    ]


def test_a_server_that_is_not_there_and_revisions_that_fail_are_told_by_each_test(trial: Trial) -> None:
    """Each test that needs a database says why it has none."""
    trial.write("models.py", "from sqlalchemy import MetaData\n\nmetadata = MetaData()\n")
    trial.revise("fails", None, up="SELECT 1 / 0")
    trial.revise("later", "fails")
    trial.write("test_own.py", "def test_own(cascade_database):\n    pass\n")
    absent = sections(trial.run("--alembic-cascade", "-v", url=NOBODY))
    assert absent["test_no_drift"].startswith("No scratch database could be made: connection failed: ")
    assert absent["test_no_drift"].endswith(
        "--alembic-cascade-url has to name a server that is there, and a role that has CREATEDB.\n"
    )
    result = trial.run("--alembic-cascade", "-v")
    assert set(outcomes(result).values()) == {"FAILED", "ERROR"}
    failing = sections(result)
    assert failing["test_no_orphans"] == failing["test_no_drift"] == "PostgreSQL: division by zero\n"
    assert "happened  division by zero" in failing["test_upgrade_downgrade_restores_data[fails]"]
    assert failing["test_upgrade_downgrade_restores_data[later]"] == "PostgreSQL: division by zero\n"
