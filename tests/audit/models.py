"""Models written into a file, imported from there, and looked at."""

from __future__ import annotations

import importlib.util
import sys
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from alembic_cascade import CascadeConfig
from alembic_cascade.audit.auditing import audit
from alembic_cascade.audit.database import read_database
from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.subject import Subject, schemas_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from sqlalchemy import URL

    from alembic_cascade.audit.auditing import Audit
    from alembic_cascade.audit.findings import Finding

_numbers = count()

HEAD = """\
from __future__ import annotations

from sqlalchemy import *
from sqlalchemy.orm import *


class Base(DeclarativeBase):
    pass


"""


def imported(directory: Path, text: str) -> ModuleType:
    """The module that ``text``, after the usual imports and a ``Base``, makes; it is imported as long as it is used."""
    name = f"audited_models_{next(_numbers)}"
    path = directory / f"{name}.py"
    path.write_text(HEAD + dedent(text))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def subject(module: ModuleType, *, url: URL | None = None, config: CascadeConfig | None = None) -> Subject:
    """The models of a module alone, or with the database at ``url``."""
    metadatas = (module.Base.metadata,)
    settings = config or CascadeConfig()
    if url is None:
        return Subject(metadatas, mapped_models(metadatas), settings)
    engine = create_engine(url)
    with engine.connect() as connection:
        database = read_database(connection, schemas_of(metadatas, "public"))
    engine.dispose()
    return Subject(metadatas, mapped_models(metadatas), settings, database, "public", engine.dialect)


def findings_of(rule: str, found: Audit) -> list[Finding]:
    """What one rule found."""
    return [finding for finding in found.findings if finding.rule == rule]


def told(found: Audit, rule: str | None = None) -> str:
    """Findings as a person reads them, without the file's name."""
    return "\n".join(_lines(finding) for finding in found.findings if rule in (None, finding.rule))


def _lines(finding: Finding) -> str:
    head = f"{finding.severity.value} {finding.rule} {finding.target}"
    return "\n".join([head, f"{finding.problem}.", finding.consequence, finding.fix])


def targets(directory: Path, rule: str, text: str, **options: object) -> list[str]:
    """What a rule finds in models without a database: the names of what it is about."""
    found = audit(subject(imported(directory, text), **options), also=[rule])  # type: ignore[arg-type]
    return [finding.target for finding in findings_of(rule, found)]


def message(directory: Path, rule: str, text: str, **options: object) -> str:
    """What a rule says of models without a database."""
    return told(audit(subject(imported(directory, text), **options), also=[rule]), rule)  # type: ignore[arg-type]


def forget() -> Iterator[None]:
    """Let imported modules go, whose models would be found again."""
    yield
    for name in [name for name in sys.modules if name.startswith("audited_models_")]:
        del sys.modules[name]
