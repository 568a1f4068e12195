"""Models looked at together with the database that was made from them, and changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from alembic_cascade.audit.auditing import audit
from audit.models import findings_of, imported, subject, told

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

    from alembic_cascade import CascadeConfig
    from alembic_cascade.audit.auditing import Audit


def audited(
    directory: Path,
    text: str,
    url: URL,
    *statements: str,
    made: bool = True,
    config: CascadeConfig | None = None,
) -> Audit:
    """The audit of models and of the database that has their tables, if they are ``made``, and then is changed."""
    module = imported(directory, text)
    engine = create_engine(url)
    with engine.begin() as connection:
        if made:
            module.Base.metadata.create_all(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
    return audit(subject(module, url=url, config=config))


def targets_there(directory: Path, rule: str, text: str, url: URL, *statements: str, made: bool = True) -> list[str]:
    """What a rule finds in models and database: the names of what it is about."""
    found = audited(directory, text, url, *statements, made=made)
    return [finding.target for finding in findings_of(rule, found)]


def message_there(directory: Path, rule: str, text: str, url: URL, *statements: str, made: bool = True) -> str:
    """What a rule says of models and database."""
    return told(audited(directory, text, url, *statements, made=made), rule)
