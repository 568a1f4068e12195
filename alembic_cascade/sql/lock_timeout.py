"""How long the statements of an ordinary operation wait for a lock: SET LOCAL, and back again."""

from __future__ import annotations


def limit_waiting(milliseconds: int) -> str:
    """The statement by which those that follow wait no longer than that; a shorter ``lock_timeout`` stays.

    See https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
    """
    return f"""\
SELECT pg_catalog.set_config('alembic_cascade.lock_timeout', present, true),
    pg_catalog.set_config('lock_timeout', CASE WHEN present <> '0' AND present::interval < '{milliseconds}ms'
        THEN present ELSE '{milliseconds}' END, true)
FROM pg_catalog.current_setting('lock_timeout') AS present"""


# The transaction goes on with what it had.
END_OF_LIMIT = (
    "SELECT pg_catalog.set_config('lock_timeout', pg_catalog.current_setting('alembic_cascade.lock_timeout'), true)"
)
