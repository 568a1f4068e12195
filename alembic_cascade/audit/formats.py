"""Findings in the forms that other programs read: JSON, GitHub's annotations, SARIF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from alembic_cascade.audit.auditing import NAMES, Audit, Known
from alembic_cascade.audit.findings import Finding, Severity
from alembic_cascade.errors import CascadeError

# How GitHub and SARIF call what we call by its own name.
GITHUB_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True)
class Audited:
    """The audit of one database, or of the models that belong to it."""

    database: str | None
    audit: Audit


def document(audited: Sequence[Audited], gone: Sequence[tuple[str, str, str]] = ()) -> dict[str, Any]:
    """The audits as JSON has them; what is in ``findings`` can be given back as a baseline.

    ``gone`` is what the baseline knew and nobody found.
    """
    return {
        "findings": [_finding(one.database, finding) for one in audited for finding in one.audit.findings],
        "waived": [
            {**_finding(one.database, waived.finding), "reason": waived.reason}
            for one in audited
            for waived in one.audit.waived
        ],
        "gone": [{"rule": rule, "target": target, "problem": problem} for rule, target, problem in gone],
    }


def told(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it, without its place."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "target": finding.target,
        "problem": finding.problem,
        "consequence": finding.consequence,
        "fix": finding.fix,
    }


def _finding(database: str | None, finding: Finding) -> dict[str, Any]:
    return {
        "database": database,
        **told(finding),
        "file": None if finding.place is None else finding.place.file,
        "line": None if finding.place is None else finding.place.line,
    }


def known(file: str, text: Any) -> Known:
    """The findings of an earlier audit, as it printed them as JSON.

    Errors: :exc:`.CascadeError` where the document is none of these.
    """
    try:
        if text["version"] != 1:
            raise CascadeError(f"{file}: version {text['version']!r} of the findings is not known here, only 1.")
        identities = frozenset((str(one["rule"]), str(one["target"]), str(one["problem"])) for one in text["findings"])
    except (KeyError, TypeError) as error:
        raise CascadeError(
            f"{file} is no baseline: write one by alembic-cascade audit --format json > {file}"
        ) from error
    return Known(identities)


def github_lines(audited: Sequence[Audited]) -> Iterator[str]:
    """A line for each finding that GitHub shows at the line of the model.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    for finding in (finding for one in audited for finding in one.audit.findings):
        properties = {"title": finding.rule}
        if finding.place is not None:
            properties = {"file": finding.place.file, "line": str(finding.place.line), **properties}
        listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        words = f"{finding.target}: {finding.problem}. {finding.consequence}\n{finding.fix}"
        yield f"::{GITHUB_LEVELS[finding.severity]} {listed}::{_data(words)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(
    audited: Sequence[Audited], version: str, summaries: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """The findings as SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.

    ``summaries`` say what it is that is found, where that is none of the audit's rules.
    """
    findings = [finding for one in audited for finding in one.audit.findings]
    used = sorted({finding.rule for finding in findings})
    known_as = {**{name: rule.summary for name, rule in NAMES.items()}, **summaries}
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "alembic-cascade",
                        "version": version,
                        "rules": [
                            {"id": name, "shortDescription": {"text": known_as.get(name, name)}} for name in used
                        ],
                    }
                },
                "results": [_result(finding, used) for finding in findings],
            }
        ],
    }


def _uri(file: str) -> str:
    """A reference relative to the working directory, or an absolute one: RFC 3986."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _result(finding: Finding, used: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": used.index(finding.rule),
        "level": SARIF_LEVELS[finding.severity],
        "message": {"text": f"{finding.target}: {finding.problem}. {finding.consequence}\n{finding.fix}"},
        "partialFingerprints": {"finding/v1": "|".join(finding.identity)},
    }
    if finding.place is not None:
        result["locations"] = [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(finding.place.file)},
                    "region": {"startLine": finding.place.line},
                }
            }
        ]
    return result
