"""Random schemas: every key is proved, and a key that is broken in a random way is told of."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_schemas import SCHEMA, drifts

from alembic_cascade import CascadeConfig
from alembic_cascade.proof import Prover
from proof.mutants import mutants
from proof.proved import not_proved

if TYPE_CHECKING:
    from random_schemas import Drift, KeySpec
    from sqlalchemy import Connection, Engine


def contradicts_itself(key: KeySpec) -> bool:
    """Whether PostgreSQL refuses what the key's own rule asks for: MATCH FULL takes no reference that is NULL in part."""
    return key.match == "FULL" and "(" in (key.ondelete or "")


def make(connection: Connection, drift: Drift) -> None:
    """The database of the models before, with their rows."""
    connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
    drift.metadata("before").create_all(connection)
    for statement in drift.statements():
        connection.exec_driver_sql(statement)


@settings(
    max_examples=40,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drifts(), st.data())
def test_all_is_proved_and_one_mutant_is_killed(engine: Engine, drift: Drift, data: st.DataObject) -> None:
    """Whatever tables, keys, circles, partitions and triggers there are; what MATCH FULL forbids is told as well."""
    drift = replace(
        drift,
        doubled={},
        not_valid=frozenset(),
        before=tuple(key for key in drift.before if not contradicts_itself(key)),
    )
    metadata = drift.metadata("before")
    with engine.connect() as connection:
        make(connection, drift)
        found = list(Prover(connection, [metadata], config=CascadeConfig()).proofs())
        assert not_proved(found) == []
        assert len(found) == len(drift.before)
        changes = mutants(connection)
        if changes:
            mutant = data.draw(st.sampled_from(changes))
            mutant.apply(connection)
            prover = Prover(connection, [metadata], config=CascadeConfig())
            found = list(prover.proofs())
            broken = {proof.subject.partition(" -> ")[0] for proof in found if proof.outcome == "broken"}
            composite = {f"{mutant.child}.({', '.join(names)})" for names in permutations(mutant.columns)}
            assert broken & {f"{mutant.child}.{mutant.columns[0]}", *composite}, (mutant, not_proved(found))
        connection.rollback()
