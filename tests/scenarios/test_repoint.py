"""Keys that are to refer to something else: another table, or another key of the same table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, number, reference
from project import catalogue
from scenario import run_scenario
from sqlalchemy import Column, ForeignKeyConstraint, MetaData, String, UniqueConstraint

from alembic_cascade import ReferencesNotTranslatable

if TYPE_CHECKING:
    from project import Project


def orders(target: str, *, unique: bool = True) -> MetaData:
    key = [UniqueConstraint("number", name="customers_number")] if unique else []
    return models(customers=[number("number"), *key], orders=[reference("customer", target)])


ROWS = [
    "INSERT INTO customers VALUES (1, 100), (2, 1), (3, NULL)",
    "INSERT INTO orders VALUES (1, 1), (2, 2), (3, NULL), (4, 1)",
]

TRANSLATED = """\
op.drop_constraint(op.f('orders_customer_fkey'), 'orders', type_='foreignkey')
op.translate_references('orders', 'customers', ['customer'], from_cols=['id'], to_cols=['number'])
op.create_foreign_key(op.f('orders_customer_fkey'), 'orders', 'customers', ['customer'], ['number'])
"""

TRANSLATED_BACK = """\
op.drop_constraint(op.f('orders_customer_fkey'), 'orders', type_='foreignkey')
op.translate_references('orders', 'customers', ['customer'], from_cols=['number'], to_cols=['id'])
op.create_foreign_key(op.f('orders_customer_fkey'), 'orders', 'customers', ['customer'], ['id'])
"""


def test_another_parent_is_one_change_of_the_key(project: Project) -> None:
    """The values already mean rows of the new parent."""
    run_scenario(
        project,
        before=models(people=[], members=[], posts=[reference("author", "people.id")]),
        after=models(people=[], members=[], posts=[reference("author", "members.id", ondelete="CASCADE")]),
        upgrade="""\
op.alter_foreign_key(
    'posts_author_fkey', 'posts', 'members', ['author'], ['id'],
    ondelete='CASCADE', existing_referent_table='people', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_author_fkey', 'posts', 'people', ['author'], ['id'],
    ondelete=None, existing_referent_table='members', existing_ondelete='CASCADE',
)
""",
    )


def test_a_parent_that_is_dropped_is_let_go_before(project: Project) -> None:
    """A table can't be dropped while a key refers to it."""
    run_scenario(
        project,
        before=models(people=[], posts=[reference("author", "people.id")]),
        after=models(members=[], posts=[reference("author", "members.id")]),
        upgrade="""\
op.drop_constraint(op.f('posts_author_fkey'), 'posts', type_='foreignkey')
op.create_table('members',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.PrimaryKeyConstraint('id')
)
op.drop_table('people')
op.create_foreign_key(op.f('posts_author_fkey'), 'posts', 'members', ['author'], ['id'])
""",
        downgrade="""\
op.drop_constraint(op.f('posts_author_fkey'), 'posts', type_='foreignkey')
op.create_table('people',
sa.Column('id', sa.INTEGER(), autoincrement=False, nullable=False),
sa.PrimaryKeyConstraint('id', name=op.f('people_pkey'))
)
op.drop_table('members')
op.create_foreign_key(op.f('posts_author_fkey'), 'posts', 'people', ['author'], ['id'])
""",
    )


def test_another_key_of_the_same_parent_translates_the_values(project: Project) -> None:
    """Otherwise 1 would come to mean customer number 1, who is somebody else."""
    run_scenario(
        project,
        before=orders("customers.id"),
        after=orders("customers.number"),
        setup=ROWS,
        tables=["orders"],
        upgrade=TRANSLATED,
        downgrade=TRANSLATED_BACK,
    )
    assert project.fetch("SELECT * FROM orders ORDER BY id") == [(1, 100), (2, 1), (3, None), (4, 100)]


def test_a_unique_that_comes_with_the_revision_is_made_before(project: Project) -> None:
    """A key needs what it refers to."""
    run_scenario(
        project,
        before=orders("customers.id", unique=False),
        after=orders("customers.number"),
        setup=ROWS,
        tables=["orders"],
        upgrade="op.create_unique_constraint('customers_number', 'customers', ['number'])\n" + TRANSLATED,
        downgrade=TRANSLATED_BACK + "op.drop_constraint('customers_number', 'customers', type_='unique')\n",
    )


def test_triggers_stay_out_of_a_translation_and_keep_their_state(project: Project) -> None:
    """The rows mean what they meant before; a downgrade gives back the same rows."""
    run_scenario(
        project,
        before=orders("customers.id"),
        after=orders("customers.number"),
        setup=[
            *ROWS,
            "ALTER TABLE orders ADD touched int DEFAULT 0",
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := 1; RETURN NEW; END'",
            *(
                f"CREATE TRIGGER on_{state} BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()"
                for state in ("origin", "always", "replica", "disabled")
            ),
            "ALTER TABLE orders ENABLE ALWAYS TRIGGER on_always",
            "ALTER TABLE orders ENABLE REPLICA TRIGGER on_replica",
            "ALTER TABLE orders DISABLE TRIGGER on_disabled",
            "ALTER TABLE orders ALTER touched DROP DEFAULT",
            "ALTER TABLE orders DROP COLUMN touched",
        ],
        tables=["orders"],
        upgrade=TRANSLATED,
        downgrade=TRANSLATED_BACK,
    )


def test_a_key_of_another_type_is_refused_when_the_revision_is_written(project: Project) -> None:
    """No value of the old type means a row of the new one."""
    before = models(customers=[Column("code", String(5), unique=True)], orders=[reference("customer", "customers.id")])
    after = models(customers=[Column("code", String(5), unique=True)], orders=[reference("customer", "customers.code")])
    project.create(before)
    project.metadata = after
    with pytest.raises(ReferencesNotTranslatable) as refused:
        project.revision()
    assert str(refused.value) == (
        "The references orders.customer, customers.id -> customers.code can't be translated: customers.id is INTEGER, "
        "customers.code is VARCHAR(5). Add a new column of type VARCHAR(5) to orders, fill it from customers, let the "
        "key stand on the new column, and drop customer in a later revision."
    )


def test_a_column_that_is_not_unique_is_refused_when_the_revision_is_written(project: Project) -> None:
    """PostgreSQL would refuse the key only after the values were translated."""
    project.create(orders("customers.id", unique=False))
    project.metadata = orders("customers.number", unique=False)
    with pytest.raises(ReferencesNotTranslatable, match=r"customers\.number is not unique in the models"):
        project.revision()


def test_a_column_that_leaves_with_the_revision_is_refused(project: Project) -> None:
    """Its values would be gone before they could be translated back."""
    project.execute(
        "CREATE TABLE customers (id int PRIMARY KEY, old int UNIQUE, number int UNIQUE)",
        "CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers (old))",
    )
    project.metadata = models(
        customers=[number("number", unique=True)], orders=[reference("customer", "customers.number")]
    )
    with pytest.raises(ReferencesNotTranslatable, match=r"customers\.old leaves with the same revision"):
        project.revision()


def test_a_column_that_loses_its_unique_with_the_revision_is_refused(project: Project) -> None:
    """Values could not be translated by it any more."""

    def customers(key: str, **old: Any) -> MetaData:
        return models(
            customers=[number("old", **old), number("number", unique=True)], orders=[reference("customer", key)]
        )

    project.create(customers("customers.old", unique=True))
    project.metadata = customers("customers.number")
    with pytest.raises(ReferencesNotTranslatable, match=r"customers\.old loses its UNIQUE with the same revision"):
        project.revision()
    project.metadata = customers("customers.number", unique=True)
    project.revision()
    project.upgrade()
    project.metadata = customers("customers.number")
    project.revision()
    project.upgrade()
    project.downgrade("base")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            "SET session_replication_role = replica; INSERT INTO orders VALUES (9, 77)",
            r"1 rows of orders have no parent by customers\.id",
        ),
        ("INSERT INTO orders VALUES (9, 3)", r"1 rows of orders have a parent with NULL in customers\.number"),
        ("ALTER TABLE customers DROP CONSTRAINT customers_number", r"customers\.number is not unique"),
        ("ALTER TABLE customers ALTER number TYPE text", r"id is integer, number is text"),
        (
            "ALTER TABLE orders ADD UNIQUE (customer); CREATE TABLE notes (id int REFERENCES orders (customer))",
            r"the key notes_id_fkey of notes is in the way",
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT second FOREIGN KEY (customer) REFERENCES customers",
            r"the key second of orders is in the way",
        ),
        (
            "CREATE TABLE old_orders (FOREIGN KEY (customer) REFERENCES customers) INHERITS (orders)",
            r"the key old_orders_customer_fkey of old_orders is in the way",
        ),
        ("CREATE RULE never AS ON UPDATE TO orders DO INSTEAD NOTHING", r"not all rows of orders could be changed"),
        (
            "ALTER TABLE orders ADD UNIQUE (customer); UPDATE customers SET number = 2 WHERE id = 1; "
            "INSERT INTO orders VALUES (2, 2)",
            r"duplicate key value violates unique constraint",
        ),
    ],
)
def test_what_would_lose_a_reference_is_refused_and_nothing_changed(project: Project, spoil: str, problem: str) -> None:
    """Checked on the server when the migration runs, for data are not known before."""
    project.create(orders("customers.id"))
    project.execute("INSERT INTO customers VALUES (1, 100), (2, 1), (3, NULL)", "INSERT INTO orders VALUES (1, 1)")
    project.metadata = orders("customers.number")
    project.revision()
    project.execute(spoil)
    with project.engine.connect() as connection:
        start = catalogue(connection), project.fetch("SELECT * FROM orders")
    with pytest.raises(ReferencesNotTranslatable, match=problem):
        project.upgrade()
    with project.engine.connect() as connection:
        assert (catalogue(connection), project.fetch("SELECT * FROM orders")) == start


def test_rows_that_row_security_hides_are_refused(project: Project) -> None:
    """They would keep the old value and mean another customer."""
    project.create(orders("customers.id"))
    project.execute(*ROWS[:1], "INSERT INTO orders VALUES (1, 1)")
    project.metadata = orders("customers.number")
    project.revision()
    role = f"owner_{project.url.database}"
    project.execute(
        f"CREATE ROLE {role}",
        f"GRANT ALL ON SCHEMA public TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
        f"ALTER TABLE orders OWNER TO {role}",
        f"ALTER TABLE customers OWNER TO {role}",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE orders FORCE ROW LEVEL SECURITY",
    )
    with project.engine.connect() as connection:
        connection.exec_driver_sql(f"SET ROLE {role}")
        project.borrowed = connection
        with pytest.raises(ReferencesNotTranslatable, match="row-level security"):
            project.upgrade()
    project.borrowed = None
    assert project.fetch("SELECT * FROM orders") == [(1, 1)]
    project.execute(f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


def test_two_keys_on_a_column_that_would_change_are_refused_when_the_revision_is_written(project: Project) -> None:
    """A value can't mean a customer's number and a person at once."""

    def both(target: str) -> MetaData:
        return models(
            customers=[number("number", unique=True)],
            people=[],
            orders=[reference("customer", target), ForeignKeyConstraint(["customer"], ["people.id"])],
        )

    project.create(both("customers.id"))
    project.metadata = both("customers.number")
    with pytest.raises(ReferencesNotTranslatable, match=r"orders\.customer refers to people as well"):
        project.revision()


def test_a_value_that_the_column_would_change_is_refused(project: Project) -> None:
    """varchar(3) cuts blanks off without a word."""
    project.execute(
        "CREATE TABLE p (id varchar(3) PRIMARY KEY, code text UNIQUE)",
        "CREATE TABLE c (x varchar(3))",
        "INSERT INTO p VALUES ('a', 'abc   ')",
        "INSERT INTO c VALUES ('a')",
    )
    project.write_revision("op.translate_references('c', 'p', ['x'], from_cols=['id'], to_cols=['code'])")
    with pytest.raises(ReferencesNotTranslatable, match=r"1 values do not fit into c\.x"):
        project.upgrade()
    assert project.fetch("SELECT x FROM c") == [("a",)]


def test_triggers_of_tables_that_inherit_stay_out_too(project: Project) -> None:
    """The UPDATE reaches their rows."""
    project.execute(
        "CREATE TABLE p (id int PRIMARY KEY, code int UNIQUE)",
        "CREATE TABLE c (x int, note text)",
        "CREATE TABLE heir () INHERITS (c)",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := 1; RETURN NEW; END'",
        "CREATE TRIGGER touch BEFORE UPDATE ON heir FOR EACH ROW EXECUTE FUNCTION touch()",
        "INSERT INTO p VALUES (1, 2)",
        "INSERT INTO heir VALUES (1, 'as it was')",
    )
    project.write_revision("op.translate_references('c', 'p', ['x'], from_cols=['id'], to_cols=['code'])")
    project.upgrade()
    assert project.fetch("SELECT * FROM c") == [(2, "as it was")]
    assert project.fetch("SELECT tgenabled FROM pg_trigger WHERE tgname = 'touch'") == [("O",)]
