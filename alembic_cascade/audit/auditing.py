"""One audit: all rules asked, what is waived or known taken out, and waivers that are about nothing told."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from alembic_cascade.audit.findings import Finding, Severity
from alembic_cascade.audit.policy import Waiver
from alembic_cascade.audit.rule import Rule
from alembic_cascade.audit.rules import RULES
from alembic_cascade.audit.subject import Subject
from alembic_cascade.declared import INFO_KEY
from alembic_cascade.errors import ConfigError

STALE_WAIVER = "stale-waiver"
NAMES = {rule.name: rule for rule in RULES}


@dataclass(frozen=True)
class Waived:
    """A finding that is meant, and why."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Audit:
    """What was found, what was found and is meant, and the rules that were asked."""

    findings: tuple[Finding, ...]
    waived: tuple[Waived, ...] = ()
    asked: frozenset[str] = frozenset()


def audit(subject: Subject, *, also: Sequence[str] = ()) -> Audit:
    """Ask all rules that look at what there is, and those that are named in ``also``.

    Errors: :exc:`.ConfigError` for a waiver or a name of a rule that there is not.
    """
    rules = _asked(subject, also)
    found = [finding for rule in rules for finding in rule.findings(subject)]
    waivers = (*subject.config.waivers, *_waivers_of_models(subject))
    for waiver in subject.config.waivers:
        _check_rule("waivers", waiver.rule)
    findings, waived = [], []
    used: set[Waiver] = set()
    for finding in sorted(found, key=lambda finding: finding.sort_key):
        covering = [waiver for waiver in waivers if waiver.covers(finding.rule, finding.target)]
        used.update(covering)
        if covering:
            waived.append(Waived(finding, covering[0].reason))
        else:
            findings.append(finding)
    asked = {rule.name for rule in rules}
    # Of mappers that are broken, nothing is found, and nothing is known to be settled.
    idle = () if subject.mapped.broken else dict.fromkeys(waiver for waiver in waivers if waiver not in used)
    stale = (_stale(waiver) for waiver in idle if waiver.rule in asked)
    told = sorted((*findings, *stale), key=lambda finding: finding.sort_key)
    return Audit(tuple(told), tuple(waived), frozenset(asked))


@contextmanager
def models_left_alone() -> Iterator[None]:
    """Keep Python's collector from looking through thousands of models, which stay, again and again.

    It would take as long as all rules: https://docs.python.org/3/library/gc.html#gc.freeze
    """
    # What somebody else has frozen is not ours to thaw.
    ours = not gc.get_freeze_count()
    if ours:
        gc.freeze()
    try:
        yield
    finally:
        if ours:
            gc.unfreeze()


def _asked(subject: Subject, also: Iterable[str]) -> list[Rule]:
    wanted = set(also)
    for name in sorted(wanted):
        _check_rule("rule", name)
    return [
        rule
        for rule in RULES
        if (rule.usual or rule.name in wanted) and (subject.database is not None or not rule.needs_database)
    ]


def _check_rule(field: str, name: object) -> None:
    if name not in NAMES:
        raise ConfigError(field, f"there is no rule {name!r}; there are: {', '.join(sorted(NAMES))}")


def _waivers_of_models(subject: Subject) -> Iterable[Waiver]:
    """What relationships say of themselves in ``info["alembic_cascade"]["waive"]``.

    Errors: :exc:`.ConfigError` that names the relationship.
    """
    for relation in subject.mapped.relations:
        settings: Any = relation.prop.info.get(INFO_KEY, {})
        place = f"info[{INFO_KEY!r}] of {relation.name}"
        if not isinstance(settings, dict) or settings.keys() - {"waive"}:
            raise ConfigError(place, f"must be a dictionary with nothing but 'waive', not {settings!r}")
        waived = settings.get("waive", {})
        if not isinstance(waived, dict):
            raise ConfigError(place, f"'waive' must be a dictionary of rules and reasons, not {waived!r}")
        for rule, reason in waived.items():
            _check_rule(place, rule)
            if not isinstance(reason, str) or not reason.strip():
                raise ConfigError(place, f"{rule!r} must have a text as its reason, not {reason!r}")
            yield Waiver(rule, relation.name, reason)


def _stale(waiver: Waiver) -> Finding:
    return Finding(
        STALE_WAIVER,
        Severity.WARNING,
        waiver.target,
        f"{waiver} is about nothing that is found",
        "What it was written for is settled, or has another name; it would hide what comes later.",
        "Take it away.",
    )


def stale_everywhere(audits: Sequence[Audit]) -> list[Audit]:
    """The audits of several databases, without waivers that are about something in one of them."""
    stale = [{finding for finding in audit.findings if finding.rule == STALE_WAIVER} for audit in audits]
    common = set.intersection(*stale) if stale else set()
    return [
        replace(audit, findings=tuple(one for one in audit.findings if one.rule != STALE_WAIVER or one in common))
        for audit in audits
    ]


@dataclass(frozen=True)
class Known:
    """Findings that an earlier audit found, by what makes them the same."""

    identities: frozenset[tuple[str, str, str]]

    def without(self, audit: Audit) -> Audit:
        """The audit without what was known."""
        left = tuple(finding for finding in audit.findings if finding.identity not in self.identities)
        return replace(audit, findings=left)

    def gone(self, audits: Sequence[Audit]) -> list[tuple[str, str, str]]:
        """What is known, and found in none of the audits; of rules that were not asked, nothing can be said."""
        here = {finding.identity for audit in audits for finding in audit.findings}
        asked = {rule for audit in audits for rule in audit.asked}
        return sorted(known for known in self.identities - here if known[0] in asked or known[0] not in NAMES)
