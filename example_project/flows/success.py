"""The author's success criteria, each looked up in the catalogue, or tried."""

from __future__ import annotations

from load import CHILDREN, FLOWS, MASTER, meant
from models import CrewAIFlowStateExtensions, DataImport, DiscoveryFlow, RawImportRecord
from sqlalchemy import Connection, Engine, select, text
from storytelling import checking, differences, inspection
from storytelling.checking import failed
from storytelling.rolling_back import rolled_back
from storytelling.stage import Stage

MODELS = {"data_imports": DataImport, "raw_import_records": RawImportRecord, "discovery_flows": DiscoveryFlow}
# One that has rows of all three kinds.
A_FLOW = 5


def criteria(stage: Stage) -> dict[str, str]:
    """What is against each of them."""
    engine = stage.engine
    return {
        f"All foreign key constraints reference `{MASTER}.flow_id`": _referents(engine),
        "CASCADE deletion rules are properly configured": _rules(engine),
        "No orphaned records exist in child tables": _orphans(engine),
        "Relationship mappings enable efficient queries": _queries(engine),
        "Validation script reports no critical issues": _validation(stage),
    }


def _referents(engine: Engine) -> str:
    with engine.connect() as connection:
        found = {key.child: f"{key.parent}.{key.columns[0][1]}" for key in inspection.foreign_keys(connection)}
    wanted = f"{MASTER}.flow_id"
    return "; ".join(f"{child} refers to {found.get(child)}" for child in CHILDREN if found.get(child) != wanted)


def _rules(engine: Engine) -> str:
    """In the standard's own view, and by deleting a flow."""
    query = "SELECT constraint_name, delete_rule FROM information_schema.referential_constraints"
    with engine.connect() as connection:
        rules = dict(connection.execute(text(query)).tuples().all())
        flow = connection.scalar(select(CrewAIFlowStateExtensions.id).limit(1).offset(A_FLOW))
    wrong = [f"{name} says {rule}" for name, rule in rules.items() if rule != "CASCADE"]
    if len(rules) != len(CHILDREN):
        wrong.append(f"there are {len(rules)} keys")
    wrong.append(checking.children_that_stay(engine, [(CrewAIFlowStateExtensions, flow)]))
    return "; ".join(filter(None, wrong))


def _orphans(engine: Engine) -> str:
    with engine.connect() as connection:
        return differences.orphans_found(inspection.orphans(connection, inspection.foreign_keys(connection)))


def _queries(engine: Engine) -> str:
    """Each row leads to the flow that it is about, and the children of a flow are found by an index."""
    with rolled_back(engine) as connection:
        return "; ".join(filter(None, (_query(connection, child) for child in CHILDREN)))


def _query(connection: Connection, child: str) -> str:
    model, (count, _) = MODELS[child], CHILDREN[child]
    joined = select(model.id, CrewAIFlowStateExtensions.flow_id).join(model.master_flow)
    found = {row: flow.int & 0xFFFF for row, flow in connection.execute(joined)}
    expected = {row: flow for row in range(1, count + 1) if (flow := meant(child, row)) and flow <= FLOWS}
    # So few rows are read as a whole, unless that is forbidden.
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    plan = connection.scalars(
        text(f"EXPLAIN SELECT FROM {child} WHERE master_flow_id = (SELECT flow_id FROM {MASTER} LIMIT 1)")
    )
    by_index = f"ix_{child}_master_flow_id" in "\n".join(plan)
    problems = [
        "" if found == expected else f"{child} lead to other flows",
        "" if by_index else f"{child} has no index",
    ]
    return "; ".join(filter(None, problems))


def _validation(stage: Stage) -> str:
    """The audit and the count of orphans, by every key, and duplicates of what they refer to."""
    ran = [stage.narrator.alembic_cascade(*command) for command in (("audit",), ("orphans", "--all"))]
    return "; ".join(filter(None, map(failed, ran)))
