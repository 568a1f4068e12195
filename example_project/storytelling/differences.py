"""What is not as it should be, in words; an empty text where everything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import MetaData

from storytelling.inspection import ForeignKey, Schema


def tables_without_rows(counts: Mapping[str, int], declared: MetaData) -> str:
    """Which declared tables are missing or empty, and which tables are not declared."""
    names = {table.name for table in declared.sorted_tables}
    lacking = sorted(name for name in names if not counts.get(name))
    surplus = sorted(counts.keys() - names)
    return "; ".join([*(f"{name} has none" for name in lacking), *(f"{name} is not declared" for name in surplus)])


def missing_keys(present: Sequence[ForeignKey], declared: MetaData) -> str:
    """Which declared keys the database lacks, and which it has beside them."""
    wanted = sorted(
        f"{table.name} ({', '.join(key.column_keys)}) -> {key.referred_table.name} "
        f"({', '.join(element.column.name for element in key.elements)})"
        for table in declared.sorted_tables
        for key in table.foreign_key_constraints
    )
    surplus = sorted(map(str, present))
    missing = []
    for key in wanted:
        if key in surplus:
            surplus.remove(key)
        else:
            missing.append(key)
    return "; ".join([*(f"missing: {key}" for key in missing), *(f"one too many: {key}" for key in surplus)])


def changed_rows(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Which tables have other checksums than before."""
    tables = sorted(table for table in before.keys() | after.keys() if before.get(table) != after.get(table))
    return f"the rows of {', '.join(tables)} differ" if tables else ""


def changed_schema(before: Schema, after: Schema) -> str:
    """What of the catalogue is missing or new."""
    missing = [f"missing: {' '.join(entry)}" for entry in sorted(before - after)]
    return "; ".join([*missing, *(f"new: {' '.join(entry)}" for entry in sorted(after - before))])


def wrong_counts(before: Mapping[str, int], owned: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Which tables lost other rows than the ``owned`` ones."""
    expected = {table: count - owned.get(table, 0) for table, count in before.items()}
    wrong = [table for table in expected if after.get(table) != expected[table]]
    return "; ".join(f"{table} has {after.get(table)} rows, not {expected[table]}" for table in wrong)


def orphans_found(counts: Mapping[ForeignKey, int]) -> str:
    """By which keys rows have no parent."""
    if not counts:
        return "there is no key to look at"
    return "; ".join(f"{count} by {key}" for key, count in counts.items() if count)
