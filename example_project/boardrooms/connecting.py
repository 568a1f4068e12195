"""A database that takes no connections for a while, as one does that is just starting, and a doctor who waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from sqlalchemy import Engine, NullPool, create_engine, event, text
from storytelling.stage import Stage

TRIES = 3


def connect_with_patience(stage: Stage) -> None:
    """``doctor --wait`` tries again, by the project's own env.py."""
    stage.narrator.chapter("Connect to a database that lets nobody in at first")
    with shut(stage.engine):
        ran = stage.narrator.alembic_cascade("doctor", "--wait", "60")
    line = next((line for line in ran.output.splitlines() if " connection " in line), "nothing of it")
    right = line.startswith("ok") and f"after {TRIES} tries" in line
    stage.narrator.claim("doctor: it connects at the third try", "" if right else f"it says: {line}")


@contextmanager
def shut(engine: Engine) -> Iterator[None]:
    """Let nobody into the database before it has been tried so many times."""
    # From another database, which every server has: nobody shuts the one that they are in.
    outside = create_engine(engine.url.set(database="template1"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    name = engine.dialect.identifier_preparer.quote(str(engine.url.database))
    with outside.connect() as connection:
        tries = count(1)

        def let_in(answer: str) -> None:
            connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {answer}"))

        def tried(*_: object) -> None:
            if next(tries) == TRIES:
                let_in("true")

        let_in("false")
        event.listen(Engine, "do_connect", tried)
        try:
            yield
        finally:
            event.remove(Engine, "do_connect", tried)
            let_in("true")
