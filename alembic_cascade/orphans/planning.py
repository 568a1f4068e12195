"""What is to become of the orphans that are there: the strategy for each key, as the rewriter decides it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType

from alembic_cascade.config import CascadeConfig
from alembic_cascade.orphans.links import Link
from alembic_cascade.orphans.looked import Looked, Status
from alembic_cascade.orphans.strategies import Decision, decide
from alembic_cascade.sorting import ranks

FAIL = "fail"


@dataclass(frozen=True)
class Said:
    """What the user says of all keys at once; None and ``...`` leave it to the settings."""

    strategy: str | None = None
    max_orphans: float | EllipsisType | None = ...


@dataclass(frozen=True)
class Plan:
    """What is to be done about the orphans of one link; ``decision`` is None where they are nobody's business."""

    looked: Looked
    decision: Decision | None

    @property
    def settles(self) -> bool:
        """Whether anything is done at all: strategy "fail" refuses."""
        return self.decision is not None and self.decision.strategy != FAIL

    @property
    def has_work(self) -> bool:
        """Whether it settles, and there are orphans."""
        return self.settles and bool(self.looked.orphans)

    @property
    def label(self) -> str:
        return self.looked.link.label

    @property
    def reason(self) -> str:
        """In words what happens, and how that was decided."""
        link = self.looked.link
        if self.decision is None:
            settled = link.is_meant_to_hold or not link.is_key
            return f"left as they are, as {'orphans=None says' if settled else f'the key is {_standing(link)}'}"
        if self.settles:
            return self.decision.remark(link.key).removeprefix(f"{self.label}: ")
        if not link.is_key:
            return "left as they are: there is no key whose rule would say what becomes of them"
        return f"left as they are, {self.decision.reason}"


def _standing(link: Link) -> str:
    wanted = link.key if link.declared or link.existing is None else link.existing
    return wanted.standing.upper()


def plans(looked: Sequence[Looked], config: CascadeConfig, said: Said) -> list[Plan]:
    """A plan for every link whose rows were counted, parents before children: what goes may leave others behind."""
    counted = [one for one in looked if one.status is Status.COUNTED]
    places = _places(counted)
    ordered = sorted(counted, key=lambda one: (places[one.located.child], one.link.key.sort_key))
    return [Plan(one, _decision(one, config, said)) for one in ordered]


def _places(looked: Iterable[Looked]) -> dict[object, int]:
    graph: dict[object, list[object]] = {}
    for one in sorted(looked, key=lambda one: one.link.key.sort_key):
        graph.setdefault(one.located.child, []).append(one.located.parent)
    return ranks(graph)


def _decision(one: Looked, config: CascadeConfig, said: Said) -> Decision | None:
    link = one.link
    decided = decide(link.key, link.settings, config, one.located.child.schema)
    if said.strategy is None and not link.is_key and decided is not None:
        # The settings are about keys.
        decided = replace(decided, strategy=FAIL)
    elif said.strategy is None and link.is_key and not link.is_meant_to_hold:
        # As a migration looks at no row that is there.
        decided = None
    elif said.strategy is not None:
        columns = _cleared(link, said.strategy)
        limit = config.max_orphans if decided is None else decided.max_orphans
        decided = Decision(said.strategy, columns, limit, f"as --strategy {said.strategy} says")
    if decided is not None and said.max_orphans is not ...:
        decided = replace(decided, max_orphans=said.max_orphans)
    return decided


def _cleared(link: Link, strategy: str) -> tuple[str, ...]:
    """The columns that the key itself would clear."""
    rule = link.key.ondelete
    return rule.columns if strategy.startswith("set_") and rule.rule in {"SET NULL", "SET DEFAULT"} else ()
