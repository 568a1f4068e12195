"""Whether the server is of a release that is supported."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.outcome import Outcome, Problem, outcomes

CHECK = "server"
OLDEST = 15


def server(examined: Examined) -> list[Outcome]:
    """The release, from 15 on."""
    shown = examined.session
    return outcomes(CHECK, version_problems(shown.version, shown.version_name), f"PostgreSQL {shown.version_name}")


def version_problems(number: int, name: str) -> Iterator[Problem]:
    """``number`` is ``server_version_num``: https://www.postgresql.org/docs/current/runtime-config-preset.html ."""
    if number < OLDEST * 10_000:
        yield Problem(f"PostgreSQL {name} is not supported", f"Bring the server to PostgreSQL {OLDEST} or later.")
