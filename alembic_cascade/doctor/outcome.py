"""What a check comes to: all is well, something is to be done, or it could not be asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from alembic_cascade.sentences import first_of

NAMED = 5


class Verdict(Enum):
    """What follows from a check."""

    OK = "ok"
    TO_DO = "to do"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Problem:
    """What is not as it has to be, in one sentence, and what to do about it."""

    said: str
    advice: str


@dataclass(frozen=True)
class Outcome:
    """A line of the report; ``advice`` is what to do, empty where nothing is."""

    check: str
    verdict: Verdict
    said: str
    advice: str = ""


def outcomes(check: str, problems: Iterable[Problem], well: str) -> list[Outcome]:
    """A line for each problem, or the one line that says what is well."""
    found = [Outcome(check, Verdict.TO_DO, problem.said, problem.advice) for problem in problems]
    return found or [Outcome(check, Verdict.OK, well)]


def not_checked(checks: Iterable[str], why: str) -> list[Outcome]:
    """What nobody could look at is never said to be well."""
    return [Outcome(check, Verdict.NOT_CHECKED, why) for check in checks]


def named(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    return first_of(names, NAMED)
