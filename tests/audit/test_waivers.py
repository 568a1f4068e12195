"""What is as it is on purpose: waivers of the settings and of relationships, and those that are about nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from alembic_cascade import CascadeConfig, ConfigError, Waiver
from alembic_cascade.audit.auditing import Audit, audit, stale_everywhere
from audit.models import imported, subject, told

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    goals: Mapped[list[Goal]] = relationship({arguments})

class Goal(Base):
    __tablename__ = "goals"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
"""
PLAIN = MODELS.format(arguments="")
RULE = "blank-out-primary-key"
SAID_OF_A_STALE_ONE = """\
warning stale-waiver User.tasks
Waiver('blank-out-primary-key', 'User.tasks') is about nothing that is found.
What it was written for is settled, or has another name; it would hide what comes later.
Take it away."""


def waived(*waivers: tuple[str, str]) -> CascadeConfig:
    """Settings with these waivers."""
    return CascadeConfig(waivers=[Waiver(rule, target, "for the test") for rule, target in waivers])


def audited(directory: Path, models: str = PLAIN, config: CascadeConfig | None = None, **options: Any) -> Audit:
    """The audit of models."""
    return audit(subject(imported(directory, models), config=config, **options))


def rules_of(found: Audit) -> list[str]:
    """The rules of what was found."""
    return [finding.rule for finding in found.findings]


@pytest.mark.parametrize("target", ["User.goals", "User.*", "*"])
def test_a_waiver_of_the_settings(tmp_path: Path, target: str) -> None:
    """What is waived is kept, with the reason."""
    found = audited(tmp_path, config=waived((RULE, target)))
    assert found.findings == ()
    assert [(one.finding.rule, one.finding.target, one.reason) for one in found.waived] == [
        (RULE, "User.goals", "for the test")
    ]


def test_a_waiver_of_the_relationship(tmp_path: Path) -> None:
    """It stands beside what it is about."""
    info = "info={'alembic_cascade': {'waive': {'blank-out-primary-key': 'moved first'}}}"
    found = audited(tmp_path, MODELS.format(arguments=info))
    assert found.findings == ()
    assert [one.reason for one in found.waived] == ["moved first"]


def test_the_first_of_several_gives_the_reason(tmp_path: Path) -> None:
    """None of them is stale."""
    info = "info={'alembic_cascade': {'waive': {'blank-out-primary-key': 'moved first'}}}"
    config = waived((RULE, "User.*"), (RULE, "*.goals"))
    found = audited(tmp_path, MODELS.format(arguments=info), config)
    assert found.findings == ()
    assert [one.reason for one in found.waived] == ["for the test"]


def test_what_is_said_of_a_stale_one(tmp_path: Path) -> None:
    """It is a finding, and what it meant to hide is one, too."""
    found = audited(tmp_path, config=waived((RULE, "User.tasks")))
    assert rules_of(found) == [RULE, "stale-waiver"]
    assert told(found, "stale-waiver") == SAID_OF_A_STALE_ONE


def test_a_stale_one_of_a_relationship(tmp_path: Path) -> None:
    """The relationship was mended."""
    info = "passive_deletes='all', info={'alembic_cascade': {'waive': {'blank-out-primary-key': 'moved first'}}}"
    found = audited(tmp_path, MODELS.format(arguments=info))
    assert [(finding.rule, finding.target) for finding in found.findings] == [("stale-waiver", "User.goals")]


def test_another_rule_is_not_waived(tmp_path: Path) -> None:
    """Nor is the same rule elsewhere."""
    found = audited(tmp_path, config=waived(("set-null-not-null", "User.goals")))
    assert rules_of(found) == [RULE, "stale-waiver"]


def test_rules_that_are_not_asked_have_no_stale_waivers(tmp_path: Path, url: URL) -> None:
    """Without a database, nothing is known of it."""
    config = waived((RULE, "*"), ("foreign-key-drift", "goals.*"), ("one-way-relationship", "User.goals"))
    assert audited(tmp_path, config=config).findings == ()
    assert [finding.target for finding in audited(tmp_path, config=config, url=url).findings] == ["goals.*"]


def test_broken_mappers_have_no_stale_waivers(tmp_path: Path) -> None:
    """Nothing is found of relationships that can't be looked at."""
    broken = PLAIN + "    nobody: Mapped[Nobody] = relationship()\n"
    assert rules_of(audited(tmp_path, broken, waived((RULE, "User.goals")))) == ["broken-mapper"]


def test_a_waiver_that_is_used_in_one_of_several_databases(tmp_path: Path) -> None:
    """It is not stale in the others."""
    stale = audited(tmp_path, config=waived((RULE, "User.*"), (RULE, "User.tasks")))
    used = audited(tmp_path, config=waived((RULE, "User.*")))
    assert [rules_of(one) for one in stale_everywhere([stale, stale])] == [["stale-waiver"], ["stale-waiver"]]
    assert [rules_of(one) for one in stale_everywhere([stale, used])] == [[], []]
    assert stale_everywhere([]) == []


def test_a_rule_that_there_is_not(tmp_path: Path) -> None:
    """A slip of the pen hides nothing."""
    with pytest.raises(
        ConfigError, match=r"^waivers: there is no rule 'blank-out'; there are: .*blank-out-primary-key"
    ):
        audited(tmp_path, config=waived(("blank-out", "*")))
    with pytest.raises(ConfigError, match=r"^rule: there is no rule 'two-way'"):
        audit(subject(imported(tmp_path, PLAIN)), also=["two-way"])


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ("'no'", r"must be a dictionary with nothing but 'waive', not 'no'$"),
        ("{'waved': {}}", "must be a dictionary with nothing but 'waive'"),
        ("{'waive': 'blank-out-primary-key'}", "'waive' must be a dictionary of rules and reasons"),
        ("{'waive': ['blank-out-primary-key']}", "'waive' must be a dictionary of rules and reasons"),
        ("{'waive': {'blank-out': 'why'}}", "there is no rule 'blank-out'"),
        ("{'waive': {1: 'why'}}", "there is no rule 1"),
        ("{'waive': {'blank-out-primary-key': ''}}", "'blank-out-primary-key' must have a text as its reason, not ''"),
        (
            "{'waive': {'blank-out-primary-key': None}}",
            "'blank-out-primary-key' must have a text as its reason, not None",
        ),
    ],
)
def test_what_a_relationship_can_not_say(tmp_path: Path, info: str, problem: str) -> None:
    """The error names the relationship."""
    models = MODELS.format(arguments=f"info={{'alembic_cascade': {info}}}")
    with pytest.raises(ConfigError, match=rf"^info\['alembic_cascade'\] of User\.goals: {problem}"):
        audited(tmp_path, models)


def test_what_others_say_of_a_relationship(tmp_path: Path) -> None:
    """Is theirs."""
    assert rules_of(audited(tmp_path, MODELS.format(arguments="info={'others': 1}"))) == [RULE]
