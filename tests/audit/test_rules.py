"""What all rules have in common: a file, a test and a page of one name."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from alembic_cascade.audit import rules
from alembic_cascade.audit.rule import Rule

ROOT = Path(__file__).parents[2]
SECTIONS = ("Problem", "Solution", "On purpose")


def names_in(directory: Path, pattern: str) -> list[str]:
    """The rules that the files of a directory are named after."""
    stems = (path.stem.removeprefix("test_").replace("_", "-") for path in directory.glob(pattern))
    return sorted(stem for stem in stems if stem not in {"--init--", "index"})


@pytest.mark.parametrize(
    ("directory", "pattern"),
    [
        (Path(rules.__file__).parent, "*.py"),
        (ROOT / "tests" / "audit" / "rules", "test_*.py"),
        (ROOT / "docs" / "rules", "*.rst"),
    ],
)
def test_files_are_named_after_rules(directory: Path, pattern: str) -> None:
    """None is forgotten, none is left over."""
    assert names_in(directory, pattern) == sorted(rule.name for rule in rules.RULES)


@pytest.mark.parametrize("module", rules.MODULES, ids=lambda module: module.RULE.name)
def test_a_rule(module: ModuleType) -> None:
    """It is named like its file, and its summary is half a sentence."""
    rule = module.RULE
    assert module.__name__.rpartition(".")[2].replace("_", "-") == rule.name
    assert not rule.summary.endswith(".")
    assert not rule.summary[0].isupper() or rule.summary.split()[0].isupper()


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.name)
def test_a_page(rule: Rule) -> None:
    """It says how much the rule matters, and has the sections of all others."""
    page = (ROOT / "docs" / "rules" / f"{rule.name}.rst").read_text()
    title, line, _, said, *rest = page.splitlines()
    assert (title, line) == (rule.name, "=" * len(rule.name))
    assert said.startswith(f"*{rule.severity.value.capitalize()}.* ")
    assert [above for above, below in pairwise(rest) if below and not below.strip("-")] == [*SECTIONS]
