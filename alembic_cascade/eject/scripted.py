"""What one operation runs, as ``alembic upgrade --sql`` writes it: statements that need no plugin."""

from __future__ import annotations

import io
from collections.abc import Callable

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from alembic_cascade.running import leave_functions_out

# What every statement of a script ends with.
TERMINATOR = ";"


def scripted(run: Callable[[Operations], object], version_table_schema: str | None) -> tuple[str, ...]:
    """The statements of the operations that ``run`` calls, without the functions that they call in turn.

    Among them are psql's own: a line that begins with a backslash, and gexec behind one at the end of a query.
    Errors: those of the operations, for arguments that they refuse.
    """
    options = {"as_sql": True, "version_table_schema": version_table_schema, "output_buffer": io.StringIO()}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    leave_functions_out(context)
    written: list[str] = []
    # An attribute of the one object, which no other context has.
    vars(context.impl)["static_output"] = written.append
    run(Operations(context))
    return tuple(text.removesuffix(TERMINATOR) for text in written)
