"""The mappers of a project's models, configured registry by registry: one that is broken leaves the others alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapper, registry

from alembic_cascade.audit.deletion import deciding_relations
from alembic_cascade.audit.relations import Relation, relations_of

# Packages that are more than half of what is imported.
WITHOUT_MODELS = sys.stdlib_module_names | {"alembic", "sqlalchemy"}


@dataclass(frozen=True)
class BrokenMapper:
    """A mapper that can't be configured, and why; ``model`` is None where SQLAlchemy does not say which."""

    model: type[Any] | None
    problem: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Mapped:
    """The mappers that could be configured, their relationships, and those that could not."""

    mappers: tuple[Mapper[Any], ...] = ()
    relations: tuple[Relation, ...] = ()
    broken: tuple[BrokenMapper, ...] = ()

    @cached_property
    def deciding(self) -> tuple[Relation, ...]:
        """The relationships that decide what becomes of the children of a deleted parent."""
        return tuple(deciding_relations(self.relations))

    def over(self, child: Table) -> Sequence[Relation]:
        """The relationships that follow the columns of a table."""
        return self._by_child.get(child, ())

    @cached_property
    def _by_child(self) -> Mapping[Table, Sequence[Relation]]:
        found: dict[Table, list[Relation]] = {}
        for relation in self.relations:
            found.setdefault(relation.child, []).append(relation)
        return found

    def mappers_of(self, table: object) -> list[Mapper[Any]]:
        """The mappers whose own table it is."""
        return self._by_table.get(table, [])

    @cached_property
    def _by_table(self) -> dict[object, list[Mapper[Any]]]:
        found: dict[object, list[Mapper[Any]]] = {}
        for mapper in self.mappers:
            found.setdefault(mapper.local_table, []).append(mapper)
        return found


def mapped_models(metadatas: Collection[MetaData]) -> Mapped:
    """The models whose tables are in ``metadatas``, as far as they are imported.

    SQLAlchemy configures all mappers of a registry or none; of one that is broken, no relationship is known.
    https://docs.sqlalchemy.org/en/20/orm/mapping_api.html#sqlalchemy.orm.registry.configure
    """
    mappers: list[Mapper[Any]] = []
    broken: list[BrokenMapper] = []
    for found in _registries(metadatas):
        own = [mapper for mapper in found.mappers if _is_in(mapper, metadatas)]
        try:
            found.configure(cascade=True)
        except Exception as error:  # noqa: BLE001 - a lambda in a model raises whatever it likes
            broken.append(_broken(found, own, error))
        else:
            mappers.extend(own)
    mappers.sort(key=lambda mapper: (*_class_name(mapper), str(mapper.local_table)))
    relations = tuple(relation for mapper in mappers for relation in relations_of(mapper))
    return Mapped(tuple(mappers), relations, tuple(broken))


def _class_name(mapper: Mapper[Any]) -> tuple[str, str]:
    return (mapper.class_.__module__, mapper.class_.__qualname__)


def _is_in(mapper: Mapper[Any], metadatas: Collection[MetaData]) -> bool:
    table = mapper.local_table
    return isinstance(table, Table) and any(table.metadata is metadata for metadata in metadatas)


def _registries(metadatas: Collection[MetaData]) -> list[registry]:
    """The registries of imported modules that have a model with one of the tables, in the order of their models."""
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] not in WITHOUT_MODELS]
    found = {id(one): one for module in modules for one in _registries_in(module)}
    used = {
        id(one): min(_class_name(mapper) for mapper in one.mappers if _is_in(mapper, metadatas))
        for one in found.values()
        if any(_is_in(mapper, metadatas) for mapper in one.mappers)
    }
    return [found[key] for key in sorted(used, key=lambda key: used[key])]


def _registries_in(module: object) -> Iterator[registry]:
    for value in list(vars(module).values()) if hasattr(module, "__dict__") else ():
        # Of a lazy object, even its class may not be asked for.
        if issubclass(type(value), registry):
            yield value
        elif issubclass(type(value), type):
            # Each mapped class and each declarative base has its own: a look into thousands of classes has to be short.
            own = vars(value)
            mapper, base = own.get("__mapper__"), own.get("registry")
            if isinstance(mapper, Mapper):
                yield mapper.registry
            elif isinstance(base, registry):
                yield base


def _broken(found: registry, own: Collection[Mapper[Any]], error: Exception) -> BrokenMapper:
    """Which mapper it was, by what SQLAlchemy says when it is asked again."""
    triggering = None
    try:
        found.configure(cascade=True)
    except SQLAlchemyError as again:
        triggering = re.search(r"Triggering mapper: '(.+?)'", str(again))
    models = {str(mapper): mapper.class_ for mapper in found.mappers}
    model = models.get(triggering[1]) if triggering is not None else None
    names = sorted(mapper.class_.__name__ for mapper in own)
    return BrokenMapper(model, " ".join(str(error).split()), tuple(names))
