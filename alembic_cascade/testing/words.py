"""What tests say when they fail: what was promised, what happened, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from alembic_cascade.audit.findings import Finding
from alembic_cascade.dbapi_errors import detail, message
from alembic_cascade.differences import Difference
from alembic_cascade.orphans.looked import Looked, Sample
from alembic_cascade.proof import Proof
from alembic_cascade.rehearsal.outcome import Reason


def of_error(error: BaseException) -> str | None:
    """What an error says that is meant to be read; None for any other."""
    match error:
        case CommandError() | pytest.UsageError():
            return str(error)
        case DBAPIError():
            return f"PostgreSQL: {' '.join(filter(None, (message(error), detail(error))))}"
        case _:
            return None


def of_proof(proof: Proof) -> str:
    """A promise that is broken, or that nothing could be told of."""
    if proof.outcome == "not provable":
        return _told(
            f"{proof.subject} could not be proved",
            ("promised", proof.promised),
            ("instead", proof.reason or "no rows could be made that would show it"),
            ("to do", "try it in a test of your own, with make_row() and assert_cascades(), and deselect this one."),
        )
    if proof.kind == "foreign key":
        advice = "alembic-cascade audit and alembic check tell how models and database differ."
    else:
        advice = "alembic-cascade audit tells what cascade, passive_deletes and ON DELETE make of each other."
    return _told(
        f"{proof.subject} does not do what it promises",
        ("promised", proof.promised),
        ("happened", proof.happened),
        ("because", proof.reason or ""),
        ("to do", advice),
    )


def of_finding(finding: Finding, samples: Iterable[Sample] = ()) -> str:
    """As ``alembic-cascade audit`` tells it."""
    place = "" if finding.place is None else f"  {finding.place}"
    lines = [
        f"{finding.severity.value} {finding.rule}  {finding.target}{place}",
        f"  {finding.problem[:1].upper()}{finding.problem[1:]}.",
        f"  {finding.consequence}",
        *(f"    {_row(sample)}" for sample in samples),
        *(f"  {line}" for line in finding.fix.splitlines()),
    ]
    return "\n".join(lines)


def of_differences(found: Iterable[Difference]) -> str:
    """What autogenerate would write."""
    lines = [f"  {difference}" for difference in found]
    return "\n".join(
        [
            "The revisions do not lead to what the models say",
            *lines,
            "  to do     alembic revision --autogenerate writes the revision that is missing.",
        ]
    )


def of_reason(revision: str, reason: Reason) -> str:
    """Why a revision can't be taken back without a loss."""
    return _told(
        f"{reason.kind}: {reason.subject}",
        ("promised", f"{revision} runs with rows in the tables, and its downgrade gives back what there was"),
        ("happened", reason.said),
        ("to do", reason.advice),
    )


def of_uncounted(looked: Looked) -> str:
    """A key of which orphans could not be counted."""
    return _told(f"{looked.link.label} could not be counted", ("instead", looked.why or ""))


def _told(head: str, *said: tuple[str, str]) -> str:
    return "\n".join([head, *_lines(said)])


def _lines(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, text in said:
        if text:
            yield f"  {label:<9} {text}"


def _row(sample: Sample) -> str:
    return ", ".join(f"{name} = {'NULL' if value is None else value}" for name, value in sample.items())
