"""Whether env.py imports every module that defines tables: those that it does not, autogenerate would drop."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import MetaData, Table

from alembic_cascade.doctor.outcome import Outcome, Problem, named, outcomes
from alembic_cascade.doctor.sources import Source, read_source

CHECK = "models"

# They define tables for themselves.
TESTS = ("test", "tests", "testing", "conftest")
NOT_SOURCES = ("node_modules", "site-packages", "venv")


@dataclass(frozen=True)
class Package:
    """A package of the project, or a module that is in none; ``places`` are its directories."""

    name: str
    places: tuple[Path, ...]
    is_package: bool = True


def modules(metadatas: Collection[MetaData], scripts: Collection[Path]) -> list[Outcome]:
    """What the packages of the models define, compared with what is imported by now; env.py has run.

    ``scripts`` are the directories of the project's migrations, which are left out, as tests are. Nothing is imported.
    """
    tables = sum(len(metadata.tables) for metadata in metadatas)
    if not tables:
        empty = Problem(
            "target_metadata has no tables: autogenerate would drop every one that the database has",
            "Import the modules that define the models in env.py, before target_metadata is used.",
        )
        return outcomes(CHECK, [empty], "")
    holders = list(_holders(metadatas))
    bases = {base.__name__ for module in holders for base in _bases(module)}
    sources = [
        source
        for package in _packages(holders)
        for source in _sources(package, bases, scripts)
        if source.defined and (package.is_package or source.imports & {module.__name__ for module in holders})
    ]
    problems = [problem for source in sources for problem in _problems(source, metadatas)]
    packages = sorted(package.name for package in _packages(holders))
    return outcomes(CHECK, problems, f"env.py imports every module of {named(packages)} that defines tables")


def _problems(source: Source, metadatas: Collection[MetaData]) -> Iterator[Problem]:
    module = _imported(source)
    shown = source.path.relative_to(Path.cwd()) if source.path.is_relative_to(Path.cwd()) else source.path
    if module is None:
        # A copy of a model that is there, as one of an earlier day, adds nothing.
        known = {table.name for metadata in metadatas for table in metadata.tables.values()}
        lacking = [defined for defined in source.defined if defined.table not in known]
        if lacking:
            names = named([defined.name or f"a table in line {defined.line}" for defined in lacking])
            yield Problem(
                f"{shown} defines {names}, and env.py does not import it: autogenerate would drop the tables, or never "
                "make them",
                f"In env.py: import {source.module}.",
            )
        return
    stray = [defined.name for defined in source.defined if _is_stray(vars(module).get(defined.name), metadatas)]
    if stray:
        yield Problem(
            f"{named(stray)} of {shown}: the table is in no MetaData that env.py gives to context.configure()",
            "Give both, as a list: target_metadata=[Base.metadata, ...], or derive the model from the other base.",
        )


def _imported(source: Source) -> ModuleType | None:
    """The module that was imported from the file, under whatever name."""
    known = sys.modules.get(source.module)
    if known is not None:
        return known
    files = ((module, getattr(module, "__file__", None)) for module in list(sys.modules.values()))
    return next((module for module, file in files if file is not None and Path(file) == source.path), None)


def _is_stray(value: object, metadatas: Collection[MetaData]) -> bool:
    table = value if isinstance(value, Table) else getattr(value, "__table__", None)
    return isinstance(table, Table) and not any(table.metadata is metadata for metadata in metadatas)


def _holders(metadatas: Collection[MetaData]) -> Iterator[ModuleType]:
    """The imported modules that define a model or a table of these, or hold their MetaData."""
    for name, module in sorted(sys.modules.items()):
        if not isinstance(getattr(module, "__spec__", None), ModuleSpec) or name == "__main__":
            continue
        if any(_is_of(value, name, metadatas) for value in list(vars(module).values())):
            yield module


def _is_of(value: object, module: str, metadatas: Collection[MetaData]) -> bool:
    # Of a lazy object, even its class may not be asked for.
    if issubclass(type(value), MetaData):
        return any(value is metadata for metadata in metadatas)
    if issubclass(type(value), Table):
        return not _is_stray(value, metadatas)
    if issubclass(type(value), type) and vars(value).get("__module__") == module:
        own: dict[str, Any] = {**vars(value)}
        return any(found is metadata for found in (_metadata(own),) for metadata in metadatas)
    return False


def _metadata(own: dict[str, Any]) -> object:
    table = own.get("__table__")
    return table.metadata if isinstance(table, Table) else own.get("metadata")


def _bases(module: ModuleType) -> Iterator[type[Any]]:
    """The classes without a table that models derive from."""
    for value in list(vars(module).values()):
        if issubclass(type(value), type) and isinstance(vars(value).get("__table__"), Table):
            assert isinstance(value, type)
            yield from (
                base for base in value.__mro__ if getattr(base, "metadata", None) is not None and not _has_table(base)
            )


def _has_table(model: type[Any]) -> bool:
    return isinstance(getattr(model, "__table__", None), Table)


def _packages(holders: Sequence[ModuleType]) -> list[Package]:
    """The project's own packages: those that are not installed, unless all of them are."""
    found: dict[str, Package] = {}
    for module in holders:
        top = module.__name__.partition(".")[0]
        package = sys.modules.get(top, module)
        # A namespace package has a directory as often as sys.path has the one above it.
        places = tuple({Path(place).resolve(): Path(place) for place in getattr(package, "__path__", ())}.values())
        file: str | None = getattr(package, "__file__", None)
        if places or file is not None:
            found[top] = Package(top, places or (Path(str(file)).parent,), is_package=bool(places))
    own = [package for package in found.values() if not any(map(_is_installed, package.places))]
    return own or list(found.values())


def _is_installed(place: Path) -> bool:
    installed = {Path(path).resolve() for path in map(sysconfig.get_path, ("purelib", "platlib", "stdlib"))}
    return any(place.resolve().is_relative_to(path) for path in installed)


def _sources(package: Package, bases: Collection[str], scripts: Collection[Path]) -> Iterator[Source]:
    left_out = [path.resolve() for path in scripts]
    for place in package.places:
        prefix = f"{package.name}." if package.is_package else ""
        for name, path in _files(place, prefix, left_out, below=package.is_package):
            if not any(path.resolve().is_relative_to(directory) for directory in left_out):
                source = read_source(name, path, bases)
                if source is not None:
                    yield source


def _files(place: Path, prefix: str, scripts: Collection[Path], *, below: bool) -> Iterator[tuple[str, Path]]:
    """The modules of a directory, and of those below it, by dotted name; tests are left out.

    What has migrations of its own beside it, which are not ``scripts``, is somebody else's database.
    """
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return
    is_other = below and any(_is_other_migrations(entry, scripts) for entry in entries)
    for entry in entries:
        if not entry.stem.isidentifier() or _is_for_tests(entry.stem) or entry.name in NOT_SOURCES:
            continue
        if entry.suffix == ".py" and not is_other and entry.is_file():
            yield (prefix[:-1] if entry.stem == "__init__" else f"{prefix}{entry.stem}"), entry
        elif below and entry.is_dir() and not _is_other_migrations(entry, scripts):
            yield from _files(entry, f"{prefix}{entry.name}.", scripts, below=True)


def _is_other_migrations(place: Path, scripts: Collection[Path]) -> bool:
    return (place / "env.py").is_file() and (place / "versions").is_dir() and place.resolve() not in scripts


def _is_for_tests(name: str) -> bool:
    return name in TESTS or name.startswith("test_") or name.endswith("_test")
