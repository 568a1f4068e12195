"""A key that has another ON DELETE rule than the project's settings say, and settings that are about no key."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_key
from alembic_cascade.audit.policy import OnDeleteRule
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.foreign_keys import NO_ACTION


def check(subject: Subject) -> Iterator[Hit]:
    wanted = [(key, subject.policies_of(key.declared)) for key in subject.keys if key.declared is not None]
    for key, rules in wanted:
        if rules and rules[-1].rule != key.key.ondelete.rule:
            yield _hit(subject, key, rules[-1])
    for rule in subject.config.on_delete:
        if not any(rule in rules for _, rules in wanted):
            yield Hit(
                target=rule.keys,
                problem=f"OnDeleteRule({rule.keys!r}, {rule.rule!r}) is about no key of the models",
                consequence="What it was written for has another name by now, or none: it keeps nothing.",
                fix="Correct the pattern, or take the rule away.",
            )


def _hit(subject: Subject, key: AuditedKey, rule: OnDeleteRule) -> Hit:
    return Hit(
        target=key.label,
        problem=f"it has {key.key.ondelete}, and OnDeleteRule({rule.keys!r}) wants {rule.rule}",
        consequence=f"The reason given: {rule.reason}.".replace("..", "."),
        fix=change_key(subject, key, ondelete=None if rule.rule == NO_ACTION else f'"{rule.rule}"'),
        place=subject.place_of_key(key),
    )


RULE = Rule("on-delete-policy", Severity.WARNING, "a key has another rule than the settings say", check)
