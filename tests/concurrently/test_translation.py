"""References translated to another column of their parent, while others write in terms of either."""

from __future__ import annotations

from collections import Counter
from itertools import count
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from models import models, number, reference
from orphans.settling import rows, state, there_and_back
from scenario import run_scenario, run_up_down_up
from sqlalchemy import ForeignKeyConstraint, MetaData, NullPool, UniqueConstraint, create_engine, event

from alembic_cascade import CascadeConfig, LockNotAcquired, ReferencesNotTranslatable, configure_options
from alembic_cascade.concurrently import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from project import Project

UPGRADE = """\
op.begin_concurrently(revision)
with op.get_context().autocommit_block():
    # orders.customer -> customers.number: orphans go into the quarantine, as ON DELETE CASCADE would
    # delete them
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['id'],
        strategy='quarantine', revision=revision, to_cols=['number'], check_only=True, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['number'],
        ondelete='CASCADE', not_valid=True,
        existing_remote_cols=['id'], existing_ondelete=None, existing_not_valid=False, translate=True,
        concurrently=True,
    )
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['number'],
        strategy='quarantine', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['number'],
        ondelete='CASCADE', not_valid=False, existing_not_valid=True, concurrently=True,
    )
"""
DOWNGRADE = """\
op.begin_concurrently(down_revision)
with op.get_context().autocommit_block():
    # orders.customer -> customers.id: orphans stop the migration, as ON DELETE NO ACTION would stop a
    # delete
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['number'],
        strategy='fail', revision=revision, to_cols=['id'], check_only=True, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['id'],
        ondelete=None, not_valid=True,
        existing_remote_cols=['number'], existing_ondelete='CASCADE', existing_not_valid=False,
        translate=True, concurrently=True,
    )
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['id'],
        strategy='fail', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['id'],
        not_valid=False, existing_not_valid=True, concurrently=True,
    )
    op.restore_orphans(
        'orders', 'customers', ['customer'], ['number'],
        revision=revision, concurrently=True,
    )
"""


def orders(target: str, **rule: Any) -> MetaData:
    return models(
        customers=[number("number"), UniqueConstraint("number", name="customers_number")],
        orders=[reference("customer", f"customers.{target}", **rule)],
    )


FILL = (
    "INSERT INTO customers VALUES (1, 100), (2, 200), (3, NULL), (4, 4)",
    "INSERT INTO orders VALUES (1, 1), (2, 2), (3, NULL), (4, 1), (5, 4)",
)


def translated(project: Project, *fill: str, **rule: Any) -> Project:
    """Orders that refer to customers by id, filled, and the revision r1 by which they refer by number."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(orders("id"))
    project.execute(*fill)
    project.metadata = orders("number", **rule)
    project.revision(rev_id="r1")
    return project


def test_another_column_of_the_parent(project: Project) -> None:
    """Keys are exchanged, references translated, and nobody waits for the rows."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    run_scenario(
        project, before=orders("id"), after=orders("number", ondelete="CASCADE"), setup=FILL,
        tables=["customers", "orders"], upgrade=UPGRADE, downgrade=DOWNGRADE,
    )  # fmt: skip
    assert rows(project)["orders"] == ["(1,100)", "(2,200)", "(3,)", "(4,100)", "(5,4)"]
    assert_nothing_is_left(project)


@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_a_reference_that_can_not_be_translated_is_settled(project: Project, rule: str) -> None:
    """Its parent has no number; the way down gives the row back as it was."""
    translated(project, *FILL, "INSERT INTO orders VALUES (6, 3)", ondelete=rule)
    upgraded = there_and_back(project)["orders"]
    assert upgraded == ["(1,100)", "(2,200)", "(3,)", "(4,100)", "(5,4)"] + (["(6,)"] if rule == "SET NULL" else [])


@pytest.mark.parametrize("settings", [{"orphans": None}, {"orphan_overrides": {"orders.customer": None}}])
def test_without_a_word_on_orphans_the_key_is_valid_as_well(project: Project, settings: dict[str, Any]) -> None:
    """Who settles nothing still wants the key that the model declares."""
    project.options = configure_options(CascadeConfig(concurrently=True, **settings))
    project.create(orders("id"))
    project.execute(*FILL)
    project.metadata = orders("number", ondelete="CASCADE")
    assert "orphans" not in project.revision().text
    run_up_down_up(project, ["orders"])
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE contype = 'f'") == [(True,)]


def test_a_tree_translates_itself(project: Project) -> None:
    """Parent and child are rows of one table."""

    def nodes(target: str) -> MetaData:
        key = UniqueConstraint("number", name="nodes_number")
        return models(nodes=[number("number"), key, reference("up", f"nodes.{target}", ondelete="CASCADE")])

    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(nodes("id"))
    project.execute("INSERT INTO nodes SELECT n, n + 100, nullif(n / 2, 0) FROM generate_series(1, 7) AS n")
    project.metadata = nodes("number")
    project.revision()
    assert there_and_back(project)["nodes"][1:4] == ["(2,102,101)", "(3,103,101)", "(4,104,102)"]


def test_one_of_two_columns_is_translated(project: Project) -> None:
    """The other one means the same before and after."""

    def lines(target: str) -> MetaData:
        unique = [UniqueConstraint("tenant", name, name=f"by_{name}") for name in ("id", "number")]
        key = ForeignKeyConstraint(["tenant", "item"], ["items.tenant", f"items.{target}"], ondelete="CASCADE")
        return models(
            items=[number("tenant"), number("number"), *unique], lines=[number("tenant"), number("item"), key]
        )

    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(lines("id"))
    # Number 1 of tenant 8 is the id of an item of tenant 7.
    project.execute(
        "INSERT INTO items VALUES (1, 7, 10), (2, 7, 20), (3, 8, 1)",
        "INSERT INTO lines VALUES (1, 7, 1), (2, 8, 3), (3, NULL, 2)",
    )
    project.metadata = lines("number")
    assert "translate=True" in project.revision().upgrade
    assert there_and_back(project)["lines"] == ["(1,7,10)", "(2,8,1)", "(3,,2)"]


OVERLAPS = {"another's id": "(1, 2), (2, 200)", "each other's": "(1, 2), (2, 1)", "an unused one's": "(1, 100), (2, 1)"}


@pytest.mark.parametrize("customers", OVERLAPS.values(), ids=OVERLAPS)
def test_values_that_mean_two_customers_are_refused(project: Project, customers: str) -> None:
    """Which one a reference means could not be told while it is translated."""
    translated(project, f"INSERT INTO customers VALUES {customers}", "INSERT INTO orders VALUES (1, 1), (2, 2)")
    start = state(project)
    with pytest.raises(
        ReferencesNotTranslatable, match=r"values of customers\.id are also values of customers\.number"
    ) as refused:
        project.upgrade()
    assert "without concurrently" in str(refused.value)
    assert state(project) == start
    assert_nothing_is_left(project)


@pytest.fixture
def halfway(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A translation that had to stop: somebody holds order 1, and gives it back at the end of the test."""
    monkeypatch.setattr(steps, "TRIES", 2)
    translated(
        project, *FILL[:1], "INSERT INTO orders VALUES (1, 1), (2, 2), (3, 1)", ondelete="CASCADE", onupdate="CASCADE"
    )
    with session(project) as holder:

        def hold(connection: object, cursor: object, statement: str, *_: object) -> None:
            if "cascade_translate_batch(" in statement and "FUNCTION" not in statement and is_exchanged(project):
                holder.execute(b"SELECT FROM orders WHERE id = 1 FOR UPDATE")

        event.listen(project.engine, "before_cursor_execute", hold)
        with pytest.raises(LockNotAcquired, match=r"2 times over\. In the way: pid .* FOR UPDATE"):
            project.upgrade()
        event.remove(project.engine, "before_cursor_execute", hold)
    assert rows(project)["orders"] == ["(1,1)", "(2,200)", "(3,100)"]
    project.execute("INSERT INTO orders VALUES (7, 200)")
    yield project
    project.upgrade()
    project.check()
    assert_nothing_is_left(project)
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE conname = 'orders_customer_fkey'") == [(True,)]


# What is written halfway, and the orders to which it comes in the end.
WRITTEN = {
    "in terms of the id": ("INSERT INTO orders VALUES (8, 2)", ["(1,100)", "(2,200)", "(3,100)", "(7,200)", "(8,200)"]),
    "in terms of the number": ("INSERT INTO orders VALUES (8, 200)", ["(1,100)", "(2,200)", "(3,100)", "(7,200)", "(8,200)"]),
    "an order moves": ("UPDATE orders SET customer = 1 WHERE id = 7", ["(1,100)", "(2,200)", "(3,100)", "(7,100)"]),
    "an order is not moved": ("UPDATE orders SET id = 9 WHERE id = 1", ["(2,200)", "(3,100)", "(7,200)", "(9,100)"]),
    "a parent goes": ("DELETE FROM customers WHERE id = 1", ["(2,200)", "(7,200)"]),
    "a parent gets another number": ("UPDATE customers SET number = 101 WHERE id = 1", ["(1,101)", "(2,200)", "(3,101)", "(7,200)"]),
    "a parent gets another id": ("UPDATE customers SET id = 11 WHERE id = 1", ["(1,100)", "(2,200)", "(3,100)", "(7,200)"]),
    "a parent comes": ("INSERT INTO customers VALUES (5, 500); INSERT INTO orders VALUES (8, 5)", ["(1,100)", "(2,200)", "(3,100)", "(7,200)", "(8,500)"]),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "after"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_halfway_means_what_its_writer_meant(
    halfway: Project, statement: str, after: list[str]
) -> None:
    """In terms of the old column, of the new one, or of the parent."""
    halfway.execute(*statement.split("; "))
    halfway.upgrade()
    assert rows(halfway)["orders"] == after


REFUSED = {
    "nobody": ("INSERT INTO orders VALUES (8, 77)", "23503"),
    "a parent without a number": ("INSERT INTO orders VALUES (8, 3)", "23503"),
    "a number that is an id": ("INSERT INTO customers VALUES (5, 2)", "23505"),
    "an id that is a number": ("UPDATE customers SET id = 200 WHERE id = 1", "23505"),
}


@pytest.mark.parametrize(("statement", "sqlstate"), REFUSED.values(), ids=REFUSED)
def test_what_could_mean_two_or_nobody_is_refused_halfway(halfway: Project, statement: str, sqlstate: str) -> None:
    """By the key, or because it would be ambiguous."""
    with pytest.raises(psycopg.errors.lookup(sqlstate)), session(halfway) as connection:
        connection.execute(statement.encode())


def test_a_writer_need_not_be_able_to_read_the_parent(halfway: Project) -> None:
    """Keys ask nobody for this right either."""
    halfway.execute("DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk", "GRANT INSERT ON orders TO clerk")
    halfway.execute("SET ROLE clerk", "INSERT INTO orders VALUES (8, 2)")
    assert "(8,200)" in rows(halfway)["orders"]
    halfway.execute("DROP OWNED BY clerk", "DROP ROLE clerk")


KEY = "'orders_customer_fkey', 'orders', 'customers', ['customer'], ['{to}'], ondelete='CASCADE', onupdate='CASCADE', concurrently=True"
STEPS = f"""\
op.begin_concurrently()
with op.get_context().autocommit_block():
    op.alter_foreign_key({KEY}, existing_remote_cols=['{{held}}'], not_valid=True, existing_not_valid=False, translate=True, batch_size=10, batch_pause=0.03)
    op.alter_foreign_key({KEY}, not_valid=False, existing_not_valid=True)
"""
# What is not as its writer meant it, or lost, or has come from nowhere.
WRONG = """
SELECT * FROM meant FULL JOIN (SELECT orders.id, code FROM orders LEFT JOIN customers ON customer = customers.{}) AS found USING (id)
WHERE meant.code IS DISTINCT FROM found.code
"""


class Writers:
    """Sessions that write orders and customers, and note in "meant" which customer's each order is to be."""

    _numbers = count(10_000)

    def __init__(self, project: Project, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.problems: list[BaseException] = []
        self._project = project
        self._over = Event()
        self._threads = [Thread(target=self._run, args=(Random(seed + n),), daemon=True) for n in range(3)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads)
        assert self.problems == []

    def _run(self, random: Random) -> None:
        with session(self._project) as connection:
            while not self._over.wait(0.002):
                try:
                    what = self._write(connection, random)
                    connection.commit()
                    self.done[what] += 1
                except psycopg.errors.ForeignKeyViolation:
                    connection.rollback()
                    self.done["refused"] += 1
                except psycopg.Error as problem:
                    self.problems.append(problem)
                    return

    def _write(self, connection: psycopg.Connection[Any], random: Random) -> str:
        """One transaction; values are never used again for somebody else."""
        fresh = next(self._numbers)
        found = connection.execute(
            "SELECT id, number, code FROM customers OFFSET %s LIMIT 1", (random.randrange(90),)
        ).fetchone()
        assert found is not None
        customer, code = dict(zip(("id", "number"), found[:2], strict=True)), found[2]
        style = random.choice(["id", "number"])
        match random.choices(["insert", "move", "delete", "renumber"], [40, 40, 1, 8])[0]:
            case "insert":
                connection.execute("INSERT INTO orders VALUES (%s, %s)", (fresh, customer[style]))
                connection.execute("INSERT INTO meant VALUES (%s, %s)", (fresh, code))
                return f"inserted by {style}"
            case "move":
                order = random.randrange(1, 401)
                connection.execute("UPDATE orders SET customer = %s WHERE id = %s", (customer[style], order))
                connection.execute("UPDATE meant SET code = %s WHERE id = %s", (code, order))
                return f"moved by {style}"
            case "delete":
                connection.execute("DELETE FROM customers WHERE code = %s", (code,))
                connection.execute("DELETE FROM meant WHERE code = %s", (code,))
                connection.execute("INSERT INTO customers VALUES (%s, %s, %s)", (fresh, fresh + 1_000_000, fresh))
                return "deleted"
        value = fresh + (1_000_000 if style == "number" else 0)
        connection.execute(f"UPDATE customers SET {style} = %s WHERE code = %s".encode(), (value, code))
        return f"renumbered {style}"


@pytest.mark.parametrize("seed", range(2))
def test_every_reference_means_what_its_writer_meant(project: Project, seed: int) -> None:
    """Inserts, moves, deletes and new numbers, in terms of both columns, while references are translated both ways."""
    project.execute(
        "CREATE TABLE customers (id int PRIMARY KEY, number int UNIQUE, code int UNIQUE)",
        "INSERT INTO customers SELECT n, n + 1000000, n FROM generate_series(1, 100) AS n",
        "CREATE TABLE orders (id int PRIMARY KEY, customer int CONSTRAINT orders_customer_fkey REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE)",
        "INSERT INTO orders SELECT n, n % 100 + 1 FROM generate_series(1, 400) AS n", "CREATE INDEX ON orders (customer)",
        "CREATE TABLE meant (id int PRIMARY KEY, code int)", "INSERT INTO meant SELECT id, customer FROM orders",
    )  # fmt: skip
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.write_revision(STEPS.format(held="id", to="number"), STEPS.format(held="number", to="id"))
    for run, column in ((project.upgrade, "number"), (lambda: project.downgrade("base"), "id")):
        problems: list[BaseException] = []
        migration = Thread(target=caught, args=(run, problems), daemon=True)
        migration.start()
        wait_until_exchanged(project, column)
        with Writers(project, seed) as writers:
            migration.join(60)
        assert problems == []
        assert project.fetch(WRONG.format(column)) == []
        # What was written in terms of the column that is left was written halfway.
        assert (
            min(
                writers.done[f"{what} {style}"]
                for what in ("inserted by", "moved by", "renumbered")
                for style in ("id", "number")
            )
            > 0
        ), writers.done
        assert writers.done["deleted"] > 0
        assert_nothing_is_left(project)
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE contype = 'f'") == [(True,)]


def caught(run: Callable[[], object], problems: list[BaseException]) -> None:
    try:
        run()
    except BaseException as problem:  # noqa: BLE001 - the test's own thread says it
        problems.append(problem)


def is_exchanged(project: Project, column: str = "number") -> bool:
    """Whether the key refers to that column."""
    keys = "SELECT FROM pg_constraint WHERE contype = 'f' AND pg_get_constraintdef(oid) LIKE"
    return bool(project.fetch(f"{keys} '%customers({column})%'"))


def wait_until_exchanged(project: Project, column: str) -> None:
    limit = monotonic() + 20
    while not is_exchanged(project, column):
        assert monotonic() < limit
        sleep(0.01)


RIGHTS = {"superuser": None, "owner": "", "owner that may": 'GRANT SET ON PARAMETER session_replication_role TO "{}"'}


@pytest.mark.parametrize("triggers", ["", "ALWAYS", "REPLICA", "DISABLE"])
@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
def test_the_users_triggers_do_not_fire(project: Project, rights: str | None, triggers: str) -> None:
    """A row means what it meant before; whether the migration's role may switch all triggers off or not."""
    role, admin = f"owner of {project.url.database}", project.engine
    project.execute(
        f'DROP ROLE IF EXISTS "{role}"', f'CREATE ROLE "{role}" LOGIN', f'GRANT ALL ON SCHEMA public TO "{role}"'
    )
    if rights:
        project.execute(rights.format(role))
    if rights is not None:
        project.engine = create_engine(project.url.set(username=role), poolclass=NullPool)
    try:
        translated(project, *FILL, ondelete="CASCADE")
        change = "DISABLE" if triggers == "DISABLE" else f"ENABLE {triggers}"
        project.execute(
            "CREATE TABLE heard (said text)",
            "CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO heard VALUES (TG_OP); RETURN NEW; END$$",
            "CREATE TRIGGER each BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION hear()",
            "CREATE TRIGGER whole AFTER INSERT OR UPDATE ON orders EXECUTE FUNCTION hear()",
            f"ALTER TABLE orders {change} TRIGGER each", f"ALTER TABLE orders {change} TRIGGER whole",
        )  # fmt: skip
        assert there_and_back(project)["orders"] == ["(1,100)", "(2,200)", "(3,)", "(4,100)", "(5,4)"]
        assert project.fetch("TABLE heard") == []
        project.execute("INSERT INTO orders VALUES (9, 1)")
        assert len(project.fetch("TABLE heard")) == (0 if triggers in {"DISABLE", "REPLICA"} else 2)
    finally:
        project.engine = admin
        project.execute(f'DROP OWNED BY "{role}" CASCADE', f'DROP ROLE "{role}"')


def session(project: Project) -> psycopg.Connection[Any]:
    return psycopg.connect(project.url.set(drivername="postgresql").render_as_string(hide_password=False))


def assert_nothing_is_left(project: Project) -> None:
    """Neither triggers nor functions."""
    assert project.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert project.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []
