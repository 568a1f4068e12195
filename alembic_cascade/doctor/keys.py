"""Whether the database's foreign keys do what they say: triggers that are off, rows that were never checked."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.rules import disabled_foreign_key_trigger, not_valid_foreign_key
from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.outcome import Outcome, Problem, outcomes
from alembic_cascade.sql.quoting import quote_identifier, quote_table

CHECK = "keys"


def keys(examined: Examined) -> list[Outcome]:
    """What the audit finds of it, without what is waived there, NOT ENFORCED, and the session's replication role."""
    return outcomes(CHECK, _problems(examined), f"all {_count(examined)} foreign keys of the schemas are checked")


def _count(examined: Examined) -> int:
    return sum(key.reflected is not None for key in examined.subject.keys)


def _problems(examined: Examined) -> Iterator[Problem]:
    if examined.session.replication_role != "origin":
        # https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SESSION-REPLICATION-ROLE
        yield Problem(
            f"session_replication_role is {examined.session.replication_role} in the session that env.py opens: no key "
            "is checked in it",
            f"Take it out of env.py, or ALTER ROLE {quote_identifier(examined.role)} RESET session_replication_role;",
        )
    for rule in (disabled_foreign_key_trigger.RULE, not_valid_foreign_key.RULE):
        for found in rule.findings(examined.subject):
            if not any(waiver.covers(found.rule, found.target) for waiver in examined.config.waivers):
                yield Problem(f"{found.target}: {found.problem}", " ".join(found.fix.split()))
    for key in examined.subject.keys:
        reflected, declared = key.reflected, key.declared
        if reflected is None or reflected.enforced or (declared is not None and not declared.enforced):
            continue
        statement = (
            f"ALTER TABLE {quote_table(*reflected.source)} ALTER CONSTRAINT "
            f"{quote_identifier(reflected.name or '')} ENFORCED;"
        )
        yield Problem(
            f"{key.label}: the key {reflected.name} is NOT ENFORCED, which no model asks for",
            statement if declared is None else "The next autogenerate settles it.",
        )
