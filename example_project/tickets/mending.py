"""What the audit finds in the models, and what it says to do, done to the letter."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from storytelling import commands
from storytelling.checking import failed
from storytelling.stage import Stage

MISTAKE = 'ticket = relationship("Attachment", back_populates="attachment")'
MENDED = 'ticket = relationship("Ticket", back_populates="attachment")'

AUDIT = ("audit", "--models-only", "--fail-on", "info")


def audit_and_mend(stage: Stage) -> None:
    """The mistake that stops all mappers, then what shows once they can be configured, then nothing."""
    path = stage.project / "models.py"
    stage.narrator.chapter("Audit the models as they are written")
    found = findings(stage)
    first = found[0] if found else {"rule": "nothing", "problem": ""}
    right = (
        first["rule"] == "broken-mapper"
        and "Ticket.attachment references relationship Attachment.ticket" in first["problem"]
    )
    stage.narrator.claim(
        "audit: what is wrong first of all is Attachment.ticket", "" if right else f"it finds {first['rule']}"
    )

    stage.narrator.chapter("Mend that, and audit again")
    _change(path, path.read_text().replace(MISTAKE, MENDED))
    found = findings(stage)
    errors = [finding["target"] for finding in found if finding["severity"] == "error"]
    stage.narrator.claim("audit: no error is left", ", ".join(errors))

    stage.narrator.chapter("Do what it says of the rest")
    _change(path, mended(path.read_text(), found))
    ran = stage.narrator.alembic_cascade(*AUDIT)
    stage.narrator.claim(f"audit: {len(found)} changes to the models, and nothing is found", failed(ran))


def findings(stage: Stage) -> list[dict[str, Any]]:
    """What the audit finds, which is shown for all to read."""
    stage.narrator.alembic_cascade(*AUDIT, most_lines=30)
    return list(json.loads(commands.alembic_cascade(*AUDIT, "--format", "json").output)["findings"])


def _change(path: Path, text: str) -> None:
    path.write_text(text)
    # What has been imported is the file as it was.
    del sys.modules["models"]


def mended(text: str, found: list[dict[str, Any]]) -> str:
    """The text with the changed lines of each finding in the place of its own, from the last one up."""
    lines = text.splitlines()
    for finding in sorted(found, key=lambda finding: finding["line"], reverse=True):
        written = finding["fix"].splitlines()
        old = [line[2:] for line in written if line.startswith("- ")]
        new = [line[2:] for line in written if line.startswith("+ ")]
        # What is only added stands at the end of the call.
        begins = old or ["    )"]
        place = next(n for n in range(finding["line"] - 1, len(lines)) if lines[n : n + len(begins)] == begins)
        lines[place : place + len(old)] = new
    return "".join(f"{line}\n" for line in lines)
