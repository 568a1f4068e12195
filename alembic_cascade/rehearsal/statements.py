"""SQL text that must not run in a rehearsal: what ends its transaction, and what reaches beyond the copy."""

from __future__ import annotations

import re

# Where a word or a semicolon is none of the statement's own.
_ASIDE = re.compile(
    r"--[^\n]*|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
    r"|(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$",
    re.DOTALL,
)
_COMMENT = re.compile(r"/\*(?:(?!/\*|\*/).)*\*/", re.DOTALL)

_ENDS = re.compile(
    r"(?:COMMIT|ABORT)\b|ROLLBACK\b(?!(?:\s+(?:WORK|TRANSACTION))?\s+TO\b)|PREPARE\s+TRANSACTION\b", re.IGNORECASE
)
_END = re.compile(r"END\b", re.IGNORECASE)

# https://www.postgresql.org/docs/current/sql-commands.html: what a server has once, and what leads to another one.
_SHARED = re.compile(
    r"(?:CREATE|ALTER|DROP)\s+(?:ROLE|USER(?!\s+MAPPING)|GROUP|DATABASE|TABLESPACE|SUBSCRIPTION)\b"
    r"|ALTER\s+SYSTEM\b|(?:DROP|REASSIGN)\s+OWNED\b"
    r"|(?:COMMENT\s+ON|SECURITY\s+LABEL\b.*?\bON)\s+(?:ROLE|DATABASE|TABLESPACE|SUBSCRIPTION)\b"
    r"|(?:GRANT|REVOKE)\b(?:(?!\bON\b).)*(?:\bON\s+(?:DATABASE|TABLESPACE|PARAMETER)\b|\Z)",
    re.IGNORECASE | re.DOTALL,
)


def ends_transaction(statement: str) -> bool:
    """Whether one of the statements in this text ends a transaction, be it by a rollback.

    A simple query of many parts goes on after a ROLLBACK, and commits what follows.
    """
    parts = _parts(statement)
    # At another place, END closes the body of a function.
    return bool(_END.match(parts[0])) or any(_ENDS.match(part) for part in parts)


def reaches_beyond(statement: str) -> bool:
    """Whether one of the statements in this text changes what the databases of a server share, or another server."""
    return any(_SHARED.match(part) for part in _parts(statement))


def _parts(statement: str) -> list[str]:
    """The statements, without comments, strings and quoted names."""
    text = _ASIDE.sub(lambda found: " " if found[0].startswith("--") else " '' ", statement)
    while (less := _COMMENT.sub(" ", text)) != text:
        text = less
    return [part.strip() for part in text.split(";")]
