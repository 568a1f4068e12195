"""What the author's validation found in the end, each line looked up or tried."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from load import known
from models import Boardroom, BoardSession, SQLModel, User
from sqlalchemy import Connection, Engine, text
from storytelling import checking, inspection
from storytelling.checking import failed
from storytelling.rolling_back import rolled_back
from storytelling.stage import Stage

TABLES = ("users", "boardrooms", "sessions", "threads")
KEYS = [
    "boardrooms (owner_id) -> users (id)",
    "sessions (boardroom_id) -> boardrooms (id)",
    "sessions (user_id) -> users (id)",
    "threads (session_id) -> sessions (id)",
    "threads (user_id) -> users (id)",
]
# A user, a boardroom and a session that have something in every list.
PARENTS = [(User, known(1, 2)), (Boardroom, known(2, 1)), (BoardSession, known(3, 1))]

REFUSED = {
    "an e-mail without a domain": ("UPDATE users SET email = 'ann@example'", "users_email_format"),
    "an e-mail twice": ("UPDATE users SET email = 'ann@example.com'", "users_email_key"),
    "a short name": ("UPDATE users SET full_name = 'A'", "users_full_name_length"),
    "no name": ("UPDATE boardrooms SET name = ''", "boardrooms_name_length"),
    "too many participants": ("UPDATE boardrooms SET max_participants = 51", "boardrooms_max_participants"),
    "an unknown status": ("UPDATE sessions SET status = 'gone'", "sessions_status"),
    "an end before the start": ("UPDATE sessions SET started_at = now(), ended_at = '2000-01-01Z'", "sessions_dates"),
    "a priority of 0": ("UPDATE threads SET priority = 0", "threads_priority"),
    "a priority of 6": ("UPDATE threads SET priority = 6", "threads_priority"),
    "an unknown type": ("UPDATE threads SET type = 'rumour'", "threads_type"),
    "another unknown status": ("UPDATE threads SET status = 'paused'", "threads_status"),
}

# The author's commands, and what does the same.
COMMANDS = ("alembic check", "alembic revision --autogenerate", "alembic upgrade", "--sql", "alembic history")


def criteria(stage: Stage) -> dict[str, str]:
    """What is against each of them."""
    engine = stage.engine
    return {
        "All foreign key relationships properly defined in models": _models(stage),
        "Database constraints prevent invalid data": _constraints(engine),
        "Migration system functional for solo development": _both(
            stage.narrator.problem_of("history: "), stage.narrator.problem_of("alembic check"), _reversible(stage)
        ),
        "Enhanced async connection handling with retry logic": _both(
            _async(stage), stage.narrator.problem_of("doctor: ")
        ),
        "Comprehensive documentation and tools provided": _documented(stage),
        "Schema perfectly aligned with SQLModel definitions": stage.narrator.problem_of("compare: "),
        "UUID-based primary keys for scalability": _uuids(engine),
        "Automatic timestamp management with triggers": _moments(engine),
    }


def _both(*problems: str) -> str:
    return "; ".join(filter(None, problems))


def _models(stage: Stage) -> str:
    """The five keys, the audit of what stands on them, and what goes with a parent."""
    found = list(map(str, inspection.declared_keys(SQLModel.metadata)))
    rules = {key.ondelete for table in SQLModel.metadata.tables.values() for key in table.foreign_key_constraints}
    ran = stage.narrator.alembic_cascade("audit", "--models-only", "--fail-on", "info")
    return _both(
        "" if found == KEYS else f"keys are {', '.join(found)}",
        "" if rules == {"CASCADE"} else f"rules are {rules}",
        failed(ran),
        checking.children_that_stay(stage.engine, PARENTS),
    )


def _constraints(engine: Engine) -> str:
    return _both(checking.statements_that_pass(engine, REFUSED), checking.keys_that_let_anything_pass(engine))


def _reversible(stage: Stage) -> str:
    return stage.narrator.problem_of("downgrade: ")


def _async(stage: Stage) -> str:
    """All of the story's commands connected by it."""
    env = (stage.project / "migrations" / "env.py").read_text()
    return "" if "async with connectable.connect()" in env and "asyncio.run(" in env else "env.py is not async"


def _documented(stage: Stage) -> str:
    text_ = (Path(stage.project) / "README.md").read_text()
    missed = [command for command in COMMANDS if command not in text_]
    return f"README.md does not tell of {', '.join(missed)}" if missed else ""


def _uuids(engine: Engine) -> str:
    query = """
        SELECT conrelid::regclass::text, format_type(atttypid, atttypmod)
        FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
        WHERE contype = 'p' AND connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
    """
    with engine.connect() as connection:
        found = dict(connection.execute(text(query)).tuples().all())
    return "" if found == dict.fromkeys(TABLES, "uuid") else f"they are {found}"


def _moments(engine: Engine) -> str:
    """Rows of old have no invented time; a new one has its own, and an update moves that of its row alone."""
    with rolled_back(engine) as connection:
        return _both(*(_moments_of(connection, table) for table in TABLES))


# Something to change in each table.
_CHANGE = {
    "users": "full_name = full_name || '.'",
    "boardrooms": "name = name || '.'",
    "sessions": "title = title || '.'",
    "threads": "priority = 6 - priority",
}


def _moments_of(connection: Connection, table: str) -> str:
    def moments() -> dict[object, tuple[datetime | None, datetime | None]]:
        found = connection.execute(text(f"SELECT id, created_at, updated_at FROM {table}"))
        return {row.id: (row.created_at, row.updated_at) for row in found}

    old = moments()
    one = (
        f"(SELECT id FROM {table} WHERE priority <> 3 LIMIT 1)"
        if table == "threads"
        else f"(SELECT id FROM {table} LIMIT 1)"
    )
    changed = connection.scalar(text(f"UPDATE {table} SET {_CHANGE[table]} WHERE id = {one} RETURNING id"))
    now = connection.scalar(text("SELECT now()"))
    expected = {row: (created, now if row == changed else updated) for row, (created, updated) in old.items()}
    columns = [name for name in inspection.columns(connection)[table] if name not in {"id", "created_at", "updated_at"}]
    values = ", ".join("'new@example.com'" if name == "email" else name for name in columns)
    new = connection.scalar(
        text(
            f"INSERT INTO {table} (id, {', '.join(columns)}) SELECT gen_random_uuid(), {values} FROM {table} LIMIT 1 "
            "RETURNING created_at"
        )
    )
    return _both(
        "" if set(old.values()) == {(None, None)} else f"rows of {table} have an invented time",
        "" if {row: moments()[row] for row in old} == expected else f"an update of {table} does not move updated_at",
        "" if new == now else f"a new row of {table} has {new}",
    )
