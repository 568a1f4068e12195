"""What a proof ends with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["foreign key", "relationship"]
Verdict = Literal["proved", "broken", "not provable"]


@dataclass(frozen=True)
class Proof:
    """What was promised of a foreign key or a relationship, and what happened when a row was deleted.

    ``id`` is the same in every run. ``reason`` says what was not as promised, or why nothing could be told; None of
    what is proved. ``table`` is the one whose rows refer to others.
    """

    id: str
    subject: str
    kind: Kind
    outcome: Verdict
    promised: str
    happened: str
    reason: str | None
    schema: str | None
    table: str

    @property
    def is_proved(self) -> bool:
        return self.outcome == "proved"
