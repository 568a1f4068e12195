"""The quarantine: whether it can be made, who may read it, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.outcome import Outcome, Problem, named, outcomes
from alembic_cascade.orphans.quarantine import holdings
from alembic_cascade.orphans.stores import Holding, is_known
from alembic_cascade.sql.preflight_queries import readers, schema_rights
from alembic_cascade.sql.quoting import quote_identifier, quote_table

CHECK = "quarantine"


def kept_rows(examined: Examined) -> list[Outcome]:
    """Everything about the quarantine that somebody has to decide on, else what it holds."""
    held = holdings(examined.connection)
    problems = [*_place(examined), *_readers(examined, held), *_unknown(examined, held)]
    return outcomes(CHECK, problems, _summary(held))


def _place(examined: Examined) -> Iterator[Problem]:
    """https://www.postgresql.org/docs/current/ddl-priv.html#DDL-PRIV-CREATE ."""
    role, session = quote_identifier(examined.role), examined.session
    schema = examined.config.quarantine_schema or examined.version_table.schema or session.current_schema
    found = examined.connection.execute(schema_rights(schema)).first() if schema is not None else None
    if found is None:
        if not session.create_schemas:
            database, name = quote_identifier(session.database), quote_identifier(schema or "public")
            yield Problem(
                f"{examined.role} can't make the schema {schema}, in which orphans are set aside",
                f"GRANT CREATE ON DATABASE {database} TO {role}; or, as another role, CREATE SCHEMA {name} "
                f"AUTHORIZATION {role};",
            )
    elif not (found.usable and found.may_create):
        yield Problem(
            f"{examined.role} can't make tables in the schema {schema}, in which orphans are set aside",
            f"GRANT USAGE, CREATE ON SCHEMA {quote_identifier(schema)} TO {role};",
        )


def _readers(examined: Examined, held: list[Holding]) -> Iterator[Problem]:
    names = {holding.store.oid: quote_table(*holding.store.name) for holding in held}
    granted: dict[str, list[str]] = {}
    for oid, grantee in examined.connection.execute(readers(names)) if names else ():
        role = "PUBLIC" if grantee is None else quote_identifier(grantee)
        granted.setdefault(role, []).append(names[oid])
    for role, tables in sorted(granted.items()):
        yield Problem(
            f"{role} has rights on {named(tables)}, which hold rows that were set aside",
            f"REVOKE ALL ON {', '.join(tables)} FROM {role};",
        )


def _unknown(examined: Examined, held: list[Holding]) -> Iterator[Problem]:
    unknown = [holding for holding in held if not is_known(holding.store.origin.revision, examined.revisions)]
    if unknown:
        revisions = list(dict.fromkeys(holding.store.origin.revision for holding in unknown))
        rows = sum(sum(holding.counts) for holding in unknown)
        yield Problem(
            f"{rows} rows were set aside by revisions that the project's scripts don't have: {named(revisions)}",
            "Look at them: alembic-cascade quarantine list; then quarantine restore, or quarantine purge --unknown.",
        )


def _summary(held: list[Holding]) -> str:
    if not held:
        return "empty"
    tables = "1 table" if len(held) == 1 else f"{len(held)} tables"
    rows = sum(sum(holding.counts) for holding in held)
    begun = min((holding.first for holding in held if holding.first is not None), default=None)
    since = "" if begun is None else f", the first of {begun[:10]}"
    return f"{rows} rows in {tables}{since}, for the eyes of their owner alone"
