"""What an audit finds, as values: which rule, of what, where, what follows from it, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding matters: an error does what nobody means, a warning may, an info costs something."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for what matters most."""
        return list(Severity).index(self)

    def reaches(self, limit: Severity) -> bool:
        """Whether it matters as much as ``limit``, or more."""
        return self.rank <= limit.rank


@dataclass(frozen=True, order=True)
class Place:
    """A line of a model's file; the file is named relative to the working directory where it is below it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    ``target`` is what it is about: ``User.posts`` for a relationship, ``posts.user_id -> users.id`` for a key,
    ``posts`` for a table. ``problem`` says what there is, ``consequence`` what will happen, each in one sentence;
    ``fix`` is what to do, with lines for the model in the form of a diff where it is a change of the model.
    """

    rule: str
    severity: Severity
    target: str
    problem: str
    consequence: str
    fix: str
    place: Place | None = None

    @property
    def sort_key(self) -> tuple[object, ...]:
        """The order in which findings are told: what matters most first, then by rule and target."""
        return (self.severity.rank, self.rule, self.target, self.problem)

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes two findings of different days the same: not the line, which moves."""
        return (self.rule, self.target, self.problem)
