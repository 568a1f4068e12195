"""What is not as it should be, in words; an empty text where everything is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import MetaData

from storytelling.inspection import ForeignKey, Schema, SetAside, declared_keys

# A digest of every row, by table.
Digests = Mapping[str, frozenset[str]]


def tables_without_rows(counts: Mapping[str, int], declared: MetaData, absent: Collection[str] = ()) -> str:
    """Which declared tables are missing or empty, but for the ``absent`` ones, and which tables are not declared."""
    names = {table.name for table in declared.sorted_tables}.difference(absent)
    lacking = sorted(name for name in names if not counts.get(name))
    surplus = sorted(counts.keys() - names)
    return "; ".join([*(f"{name} has none" for name in lacking), *(f"{name} is not declared" for name in surplus)])


def missing_keys(present: Sequence[ForeignKey], declared: MetaData, absent: Collection[str] = ()) -> str:
    """Which declared keys the database lacks or holds as NOT VALID, and which it has beside them.

    Not counted are those of ``absent`` tables.
    """
    wanted = [str(key) for key in declared_keys(declared) if key.child not in absent]
    surplus = sorted(map(str, present))
    missing = []
    for key in wanted:
        if key in surplus:
            surplus.remove(key)
        else:
            missing.append(key)
    invalid = [f"not valid: {key}" for key in present if not key.valid]
    return "; ".join([*(f"missing: {key}" for key in missing), *(f"one too many: {key}" for key in surplus), *invalid])


def changed_rows(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Which tables have other checksums than before."""
    tables = sorted(table for table in before.keys() | after.keys() if before.get(table) != after.get(table))
    return f"the rows of {', '.join(tables)} differ" if tables else ""


def wrong_orphans(expected: Mapping[str, int], found: Mapping[ForeignKey, int]) -> str:
    """By which keys more or fewer rows have no parent than expected."""
    wrong = [key for key, count in found.items() if count != expected.get(str(key), 0)]
    return "; ".join(f"{found[key]} by {key}, not {expected.get(str(key), 0)}" for key in wrong)


def wrongly_touched(before: Digests, after: Digests, removed: Mapping[str, int], emptied: Mapping[str, int]) -> str:
    """In which tables other numbers of rows went or changed than expected."""
    wrong = []
    for table, had in before.items():
        gone, new = len(had - after[table]), len(after[table] - had)
        if (gone - new, new) != (removed[table], emptied[table]):
            expected = f"not {removed[table]} and {emptied[table]}"
            wrong.append(f"{gone - new} rows of {table} went and {new} changed, {expected}")
    return "; ".join(wrong)


def wrongly_set_aside(found: Sequence[SetAside], removed: Mapping[str, int], emptied: Mapping[str, int]) -> str:
    """Of which tables the quarantine holds other numbers of rows or values than expected."""
    wrong = []
    for table in removed:
        rows = sum(entry.count for entry in found if entry.table == table and not entry.is_value)
        values = sum(entry.count for entry in found if entry.table == table and entry.is_value)
        if (rows, values) != (removed[table], emptied[table]):
            wrong.append(f"{rows} rows and {values} values of {table}, not {removed[table]} and {emptied[table]}")
    return "; ".join(wrong)


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


def left_in_quarantine(found: Sequence[SetAside]) -> str:
    """What is still set aside."""
    return "; ".join(f"{entry.count} of {entry.table} by {entry.constraint}" for entry in found)
