"""The five applications: every key is proved, and every key that is broken on purpose is told of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from alembic_cascade import CascadeConfig
from alembic_cascade.proof import Prover
from proof.mutants import chosen, mutants
from proof.proved import not_proved, rows_of
from proof.seed_models import SEEDS, seed_models

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

# How many keys and relationships each has, and how many ways there are to break its keys: another rule, none at all,
# each of four triggers disabled, NOT VALID with an orphan.
KEYS = {"000": 14, "001": 5, "002": 3, "003": 67, "004": 13}
RELATIONSHIPS = {"000": 24, "001": 1, "002": 6, "003": 0, "004": 23}
WAYS = 7


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_is_proved(seed: str, tmp_path: Path, engine: Engine) -> None:
    """Nothing is "not provable": no column, CHECK or cycle of a real application keeps its keys from being tried."""
    metadata = seed_models(seed, tmp_path)
    metadata.create_all(engine)
    with engine.connect() as connection:
        before = rows_of(connection)
        found = list(Prover(connection, [metadata], config=CascadeConfig()).proofs())
        assert not_proved(found) == []
        kinds = Counter(proof.kind for proof in found)
        assert (kinds["foreign key"], kinds["relationship"]) == (KEYS[seed], RELATIONSHIPS[seed])
        assert rows_of(connection) == before


@pytest.mark.parametrize("seed", SEEDS)
def test_every_mutant_is_killed(seed: str, tmp_path: Path, engine: Engine) -> None:
    """A proof that passes whatever the database does is none."""
    metadata = seed_models(seed, tmp_path)
    metadata.create_all(engine)
    survivors = []
    with engine.connect() as connection:
        found = mutants(connection)
        tried = chosen(connection, found)
        for mutant in tried:
            mutant.apply(connection)
            prover = Prover(connection, [metadata], config=CascadeConfig())
            subject = f"{mutant.child}.{mutant.columns[0]} -> "
            (claim,) = (claim for claim in prover.claims if claim.subject.startswith(subject))
            proof = prover.prove(claim)
            if proof.outcome != "broken":
                survivors.append((proof, mutant.change))
            connection.rollback()
    killed = len(tried) - len(survivors)
    print(f"seed {seed}: {killed} of {len(tried)} mutants killed, of {len(found)} that there are")
    assert survivors == []
    assert len(found) == KEYS[seed] * WAYS
