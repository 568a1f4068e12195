"""A rule of the audit: one file in ``rules``, one page of the documentation, one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from alembic_cascade.audit.findings import Finding, Place, Severity
from alembic_cascade.audit.subject import Subject


@dataclass(frozen=True)
class Hit:
    """What a rule's check found; the rule makes it a :class:`.Finding`."""

    target: str
    problem: str
    consequence: str
    fix: str
    place: Place | None = None


@dataclass(frozen=True)
class Rule:
    """What it is called, how much it matters, what it is about in one line, and what finds it.

    One that is not ``usual`` is asked for by its name; one that ``needs_database`` is left out where there is none.
    """

    name: str
    severity: Severity
    summary: str
    check: Callable[[Subject], Iterator[Hit]]
    needs_database: bool = False
    usual: bool = True

    def findings(self, subject: Subject) -> Iterator[Finding]:
        for hit in self.check(subject):
            yield Finding(self.name, self.severity, hit.target, hit.problem, hit.consequence, hit.fix, hit.place)
