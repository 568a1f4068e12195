"""Findings as other programs read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alembic_cascade.audit.auditing import NAMES, Audit, Waived
from alembic_cascade.audit.findings import Finding, Place, Severity
from alembic_cascade.audit.formats import Audited, document, github_lines, known, sarif
from alembic_cascade.errors import CascadeError

ERROR = Finding(
    "set-null-not-null",
    Severity.ERROR,
    "posts.user_id -> users.id",
    "it is to SET NULL, and user_id takes no NULL",
    "The delete fails: 100 % of the time.",
    "- old\n+ new",
    Place("app/models, all:of them.py", 12),
)
WARNING = Finding("stale-waiver", Severity.WARNING, "User.posts", "nothing", "It hides.", "Take it away.")
INFO = Finding("delete-loads-children", Severity.INFO, "User.posts", "it loads", "It is slow.", "Change it.")
ASKED = frozenset({"set-null-not-null", "delete-loads-children"})
FOUND = Audited("app", Audit((ERROR, WARNING), (Waived(INFO, "there are few"),), ASKED))


def test_json() -> None:
    """The whole document; what is waived has its reason."""
    assert document([FOUND], [("cascade-cycle", "a -> b -> a", "round")]) == {
        "findings": [
            {
                "database": "app",
                "rule": "set-null-not-null",
                "severity": "error",
                "target": "posts.user_id -> users.id",
                "problem": "it is to SET NULL, and user_id takes no NULL",
                "consequence": "The delete fails: 100 % of the time.",
                "fix": "- old\n+ new",
                "file": "app/models, all:of them.py",
                "line": 12,
            },
            {
                "database": "app",
                "rule": "stale-waiver",
                "severity": "warning",
                "target": "User.posts",
                "problem": "nothing",
                "consequence": "It hides.",
                "fix": "Take it away.",
                "file": None,
                "line": None,
            },
        ],
        "waived": [
            {
                "database": "app",
                "rule": "delete-loads-children",
                "severity": "info",
                "target": "User.posts",
                "problem": "it loads",
                "consequence": "It is slow.",
                "fix": "Change it.",
                "file": None,
                "line": None,
                "reason": "there are few",
            }
        ],
        "gone": [{"rule": "cascade-cycle", "target": "a -> b -> a", "problem": "round"}],
    }


def baseline(*audited: Audited) -> Any:
    """What a file holds into which an audit printed its JSON."""
    return json.loads(json.dumps({"version": 1, **document(audited)}))


def test_a_baseline_leaves_out_what_it_knows() -> None:
    """Just what it was made from; the line may move."""
    before = known("known.json", baseline(FOUND))
    moved = Finding(**{**vars(ERROR), "place": Place("elsewhere.py", 1)})
    assert before.without(Audit((moved, WARNING, INFO))).findings == (INFO,)
    assert before.gone([FOUND.audit]) == []


def test_what_is_gone_from_a_baseline() -> None:
    """Found in no database any more, and by a rule that was asked."""
    before = known("known.json", baseline(FOUND))
    gone = [finding.identity for finding in (ERROR, WARNING)]
    assert before.gone([Audit((), (), ASKED)]) == gone
    assert before.gone([Audit((ERROR,), (), ASKED), Audit((WARNING,), (), ASKED)]) == []
    assert before.gone([Audit((), (), frozenset({"cascade-cycle"}))]) == [WARNING.identity]


@pytest.mark.parametrize(
    "text",
    [None, [], "text", 1, {}, {"version": 1}, {"version": 1, "findings": [{}]}, {"version": 1, "findings": ["a"]}],
)
def test_what_is_no_baseline(text: Any) -> None:
    """The error says how one is made."""
    with pytest.raises(CascadeError, match=r"^known.json is no baseline: write one by alembic-cascade audit --format"):
        known("known.json", text)


def test_a_baseline_of_another_version() -> None:
    """It may mean something else."""
    with pytest.raises(CascadeError, match="version 2 of the findings is not known here, only 1"):
        known("known.json", {"version": 2, "findings": []})


def test_lines_for_github() -> None:
    """In properties, a comma and a colon would end the value; in the text, a line break would end all."""
    assert list(github_lines([FOUND])) == [
        "::error file=app/models%2C all%3Aof them.py,line=12,title=set-null-not-null"
        "::posts.user_id -> users.id: it is to SET NULL, and user_id takes no NULL. "
        "The delete fails: 100 %25 of the time.%0A- old%0A+ new",
        "::warning title=stale-waiver::User.posts: nothing. It hides.%0ATake it away.",
    ]
    assert list(github_lines([Audited(None, Audit((INFO,)))])) == [
        "::notice title=delete-loads-children::User.posts: it loads. It is slow.%0AChange it."
    ]


def test_sarif() -> None:
    """Each rule that is used, once; each finding with its line, where it has one."""
    written = sarif([FOUND, FOUND], "1.2")
    assert written["version"] == "2.1.0"
    (run,) = written["runs"]
    assert run["tool"]["driver"] == {
        "name": "alembic-cascade",
        "version": "1.2",
        "rules": [
            {"id": "set-null-not-null", "shortDescription": {"text": NAMES["set-null-not-null"].summary}},
            {"id": "stale-waiver", "shortDescription": {"text": "stale-waiver"}},
        ],
    }
    assert run["results"][:2] == [
        {
            "ruleId": "set-null-not-null",
            "ruleIndex": 0,
            "level": "error",
            "message": {
                "text": "posts.user_id -> users.id: it is to SET NULL, and user_id takes no NULL. "
                "The delete fails: 100 % of the time.\n- old\n+ new"
            },
            "partialFingerprints": {
                "finding/v1": "set-null-not-null|posts.user_id -> users.id|it is to SET NULL, and user_id takes no NULL"
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "app/models%2C%20all%3Aof%20them.py"},
                        "region": {"startLine": 12},
                    }
                }
            ],
        },
        {
            "ruleId": "stale-waiver",
            "ruleIndex": 1,
            "level": "warning",
            "message": {"text": "User.posts: nothing. It hides.\nTake it away."},
            "partialFingerprints": {"finding/v1": "stale-waiver|User.posts|nothing"},
        },
    ]
    assert run["results"][2:] == run["results"][:2]


def test_a_file_outside_of_the_working_directory() -> None:
    """SARIF takes a URI, and GitHub a path."""
    outside = Finding(**{**vars(INFO), "place": Place(str(Path("/srv/my models.py")), 1)})
    result = sarif([Audited(None, Audit((outside,)))], "1")["runs"][0]["results"][0]
    assert result["level"] == "note"
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///srv/my%20models.py"}


def test_nothing_found() -> None:
    """Each form says so in its way."""
    nothing = [Audited("app", Audit(()))]
    assert document(nothing) == {"findings": [], "waived": [], "gone": []}
    assert list(github_lines(nothing)) == []
    assert sarif(nothing, "1")["runs"][0]["results"] == []


def test_severities() -> None:
    """What matters more reaches a limit that matters less."""
    order = list(Severity)
    assert [[one.reaches(limit) for limit in order] for one in order] == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]
