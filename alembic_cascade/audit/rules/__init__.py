"""The rules of the audit, each in a file of its name."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

MODULES = tuple(import_module(f"{__name__}.{name}") for name in sorted(found.name for found in iter_modules(__path__)))
RULES = tuple(sorted((module.RULE for module in MODULES), key=lambda rule: (rule.severity.rank, rule.name)))
