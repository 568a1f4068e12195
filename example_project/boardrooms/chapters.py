"""The story of the boardrooms: SQLModel, an async env.py, moments kept by triggers, and a schema.sql to agree with."""

from __future__ import annotations

from connecting import connect_with_patience
from load import load, rows
from models import SQLModel
from storytelling import chapters
from storytelling.checking import failed
from storytelling.settling import settled, without_parent
from storytelling.snapshot import snapshot
from storytelling.stage import Stage
from success import criteria


def tell(stage: Stage) -> None:
    """The story, chapter by chapter.

    Errors: :exc:`StoryBroken` where it can't go on.
    """
    declared, drawn = SQLModel.metadata, rows()
    expected = settled(drawn, declared)
    chapters.make_first_tables(stage)
    chapters.load_rows(stage, declared, load)
    chapters.look_for_orphans(stage, declared, without_parent(drawn, declared))
    connect_with_patience(stage)
    compare_old_schema(stage)
    start = snapshot(stage.engine)
    written = chapters.write_revision(stage)
    check_revision(stage, written)
    upgraded = chapters.upgrade(stage, start, declared, expected)
    chapters.show_quarantine(stage, upgraded, expected)
    chapters.verify(stage)
    chapters.downgrade(stage, start)
    chapters.upgrade_again(stage, upgraded)
    write_new_schema(stage)
    chapters.check_criteria(stage, criteria)
    chapters.write_report(stage, declared)


def compare_old_schema(stage: Stage) -> None:
    """The file beside the models, which is what the tables were made by."""
    stage.narrator.chapter("Compare the models with schema.sql")
    ran = stage.narrator.alembic_cascade("compare", "schema.sql")
    # Keys without a rule, keys that are not there, columns with their triggers, and indexes.
    wanted = [
        "foreign key sessions.user_id -> users.id: the file has it otherwise: NO ACTION -> CASCADE",
        "foreign key threads.user_id -> users.id (CASCADE): the file lacks it",
        "column users.created_at (TIMESTAMP WITH TIME ZONE): the file lacks it",
        "trigger of the lifecycle column users.updated_at: the file lacks it",
        "index ix_threads_session_id on threads (session_id): the file lacks it",
    ]
    missed = [line for line in wanted if line not in ran.output]
    stage.narrator.claim("compare: schema.sql is not what the models say", "; ".join(f"not told: {m}" for m in missed))


def check_revision(stage: Stage, written: str) -> None:
    """All of it in one."""
    upgrade = written.partition("def downgrade")[0]
    wanted = {
        "op.alter_foreign_key(": 3,
        "op.create_foreign_key(": 2,
        "op.add_column(": 8,
        "op.create_lifecycle_trigger(": 4,
        "op.create_index(": 5,
    }
    wrong = [
        f"{upgrade.count(name)} of {name}), not {count}"
        for name, count in wanted.items()
        if upgrade.count(name) != count
    ]
    stage.narrator.claim("revision: 5 keys, 8 columns, 4 triggers and 5 indexes in one", "; ".join(wrong))


def write_new_schema(stage: Stage) -> None:
    """Without a database: the revisions as a script, which is what the models say; and how it came to that."""
    stage.narrator.chapter("Write the new schema.sql, offline")
    script = stage.narrator.alembic("upgrade", "head", "--sql", most_lines=20)
    (stage.project / "schema_new.sql").write_text(script.without_log)
    ran = stage.narrator.alembic_cascade("compare", "schema_new.sql")
    stage.narrator.claim("compare: the new schema is what the models say", failed(ran))
    history = stage.narrator.alembic("history").output
    missed = [step for step in ("<base> -> 0001", "0001 -> 0002 (head)") if step not in history]
    stage.narrator.claim("history: both steps are told", f"not {', '.join(missed)}" if missed else "")
