"""How the operations are written into a revision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alembic.autogenerate.render import renderers

from alembic_cascade.calls import Code, call, prefix, written
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.naming import named
from alembic_cascade.ops import (
    AddForeignKeyIndexOp,
    AddForeignKeyOp,
    AlterForeignKeyOp,
    AutocommitOps,
    BeginConcurrentlyOp,
    DropForeignKeyIndexOp,
    DropForeignKeyOp,
    DropNamelessKeyOps,
    TranslateReferencesOp,
)
from alembic_cascade.ops.arguments import RULE_DEFAULTS, rule_arguments

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

# By this convention SQLite's nameless keys get the name that PostgreSQL would give them.
NAMING_CONVENTION = {"fk": "%(table_name)s_%(column_0_N_name)s_fkey"}


@renderers.dispatch_for(AlterForeignKeyOp)
def render_alter_foreign_key(autogen_context: AutogenContext, op: AlterForeignKeyOp) -> list[str]:
    """The call, or the children's own text where somebody made them into something else."""
    change = op.change
    if change is None:
        return [line for child in op.ops for line in written(autogen_context, child)]
    existing, target = change
    if _in_batch(autogen_context):
        arguments = [repr(target.name), repr(target.referent.name), *_columns(target)]
        keywords = {**_rule_keywords(target, target), **_referent_schema(target)}
        if named(existing).name != target.name:
            keywords["existing_constraint_name"] = named(existing).name
        lines = call("batch_op.alter_foreign_key", arguments, keywords)
        return _batch_block(autogen_context, target.source, existing, lines)
    arguments = [repr(target.name), repr(target.source.name), repr(target.referent.name), *_columns(target)]
    keywords = {**_rule_keywords(target, existing), **_schemas(target), **_existing(target, existing)}
    if op.if_exists:
        keywords["if_exists"] = True
    if op.translate:
        keywords["translate"] = True
    keywords |= {**op.locking.keywords, **op.pace.keywords}
    return call(f"{prefix(autogen_context)}alter_foreign_key", arguments, keywords)


@renderers.dispatch_for(AddForeignKeyOp)
def render_add_foreign_key(autogen_context: AutogenContext, op: AddForeignKeyOp) -> list[str]:
    """Alembic's own ``create_foreign_key`` where that says everything, else the whole definition."""
    key = op.key
    if op.is_ordinary:
        return written(autogen_context, op.ordinary())
    arguments = [repr(key.name), repr(key.source.name), repr(key.referent.name), *_columns(key)]
    keywords = {**_rule_keywords(key, key), **_schemas(key)}
    if key.comment is not None:
        keywords["comment"] = key.comment
    if op.if_exists:
        keywords["if_exists"] = True
    return call(f"{prefix(autogen_context)}add_foreign_key", arguments, {**keywords, **op.locking.keywords})


@renderers.dispatch_for(DropForeignKeyOp)
def render_drop_foreign_key(autogen_context: AutogenContext, op: DropForeignKeyOp) -> list[str]:
    """Alembic's own ``drop_constraint`` where that says everything."""
    key = op.key
    if op.is_ordinary:
        return written(autogen_context, op.ordinary())
    arguments = [repr(named(key).name), repr(key.source.name), repr(key.referent.name), *_columns(key)]
    flags = {name: True for name, said in (("doubled", op.doubled), ("if_exists", op.if_exists)) if said}
    keywords = {**_schemas(key), **flags, **op.locking.keywords}
    return call(f"{prefix(autogen_context)}drop_foreign_key", arguments, keywords)


@renderers.dispatch_for(DropNamelessKeyOps)
def render_drop_nameless_key(autogen_context: AutogenContext, op: DropNamelessKeyOps) -> list[str]:
    """A batch of its own, in which the key gets a name."""
    (drop,) = op.ops
    if not _in_batch(autogen_context) or not isinstance(drop, DropForeignKeyOp):
        return written(autogen_context, drop)
    lines = call("batch_op.drop_constraint", [repr(named(drop.key).name)], {"type_": "foreignkey"})
    return _batch_block(autogen_context, drop.key.source, drop.key, lines)


@renderers.dispatch_for(TranslateReferencesOp)
def render_translate_references(autogen_context: AutogenContext, op: TranslateReferencesOp) -> list[str]:
    """The call."""
    arguments = [repr(op.source.name), repr(op.referent.name), repr(list(op.local_cols))]
    keywords: dict[str, object] = {"from_cols": list(op.from_cols), "to_cols": list(op.to_cols)}
    if op.source.schema:
        keywords["source_schema"] = op.source.schema
    if op.referent.schema:
        keywords["referent_schema"] = op.referent.schema
    if op.if_exists:
        keywords["if_exists"] = True
    return call(f"{prefix(autogen_context)}translate_references", arguments, {**keywords, **op.locking.keywords})


@renderers.dispatch_for(AddForeignKeyIndexOp)
def render_add_foreign_key_index(autogen_context: AutogenContext, op: AddForeignKeyIndexOp) -> list[str]:
    """The call."""
    return _index_call(autogen_context, "add_foreign_key_index", op)


@renderers.dispatch_for(DropForeignKeyIndexOp)
def render_drop_foreign_key_index(autogen_context: AutogenContext, op: DropForeignKeyIndexOp) -> list[str]:
    """The call."""
    return _index_call(autogen_context, "drop_foreign_key_index", op)


def _index_call(
    autogen_context: AutogenContext, name: str, op: AddForeignKeyIndexOp | DropForeignKeyIndexOp
) -> list[str]:
    keywords: dict[str, object] = {"revision": Code("revision") if op.revision is None else op.revision}
    if op.source.schema:
        keywords["source_schema"] = op.source.schema
    if op.if_exists:
        keywords["if_exists"] = True
    if op.locking.lock_timeout is not ...:
        keywords["lock_timeout"] = op.locking.lock_timeout
    arguments = [repr(op.index_name), repr(op.source.name), repr(list(op.local_cols))]
    return call(f"{prefix(autogen_context)}{name}", arguments, keywords)


@renderers.dispatch_for(BeginConcurrentlyOp)
def render_begin_concurrently(autogen_context: AutogenContext, op: BeginConcurrentlyOp) -> list[str]:
    """The call."""
    return call(f"{prefix(autogen_context)}begin_concurrently", [str(op.to_revision)], {})


@renderers.dispatch_for(AutocommitOps)
def render_autocommit(autogen_context: AutogenContext, op: AutocommitOps) -> list[str]:
    """One block with all of the operations."""
    lines = [line for child in op.ops for line in written(autogen_context, child)]
    # Alembic indents what follows the colon, up to an empty line.
    return [f"with {prefix(autogen_context)}get_context().autocommit_block():", *lines, ""]


def _in_batch(autogen_context: AutogenContext) -> bool:
    """Whether keys are altered in a batch: PostgreSQL's ALTER TABLE needs none."""
    return bool(autogen_context.opts.get("render_as_batch")) and autogen_context.dialect.name != "postgresql"


def _batch_block(
    autogen_context: AutogenContext, table: TableName, existing: ForeignKey, lines: Sequence[str]
) -> list[str]:
    """A batch for one table, in which a key that the database left nameless has a name."""
    convention = "" if existing.name else f", naming_convention={NAMING_CONVENTION!r}"
    opening = f"{prefix(autogen_context)}batch_alter_table({table.name!r}, schema={table.schema!r}{convention})"
    return [f"with {opening} as batch_op:", *lines, ""]


def _columns(key: ForeignKey) -> list[str]:
    return [repr(list(key.local_columns)), repr(list(key.remote_columns))]


def _rule_keywords(key: ForeignKey, existing: ForeignKey) -> dict[str, object]:
    """The rule where it is not PostgreSQL's default, or was something else before."""
    before = rule_arguments(existing)
    return {
        name: value
        for name, value in rule_arguments(key).items()
        if value != RULE_DEFAULTS[name] or before[name] != value
    }


def _referent_schema(key: ForeignKey) -> dict[str, object]:
    return {"referent_schema": key.referent.schema} if key.referent.schema else {}


def _schemas(key: ForeignKey) -> dict[str, object]:
    source = {"source_schema": key.source.schema} if key.source.schema else {}
    return {**source, **_referent_schema(key)}


def _existing(target: ForeignKey, existing: ForeignKey) -> dict[str, object]:
    """What the key had before, where it was something else."""
    now, before = _comparable_arguments(target), _comparable_arguments(existing)
    return {f"existing_{name}": before[name] for name in now if before[name] != now[name]}


def _comparable_arguments(key: ForeignKey) -> dict[str, object]:
    return {
        "constraint_name": key.name,
        "referent_table": key.referent.name,
        "referent_schema": key.referent.schema,
        "remote_cols": list(key.remote_columns),
        **rule_arguments(key),
    }
