"""What a removal or a lost value takes along by the other keys of the database: kept, and given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade import OrphansNotSettled, OrphansRemain
from orphans.settling import kept, refused, rows, there_and_back, write_key

if TYPE_CHECKING:
    from project import Project

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")
POSTS = (
    *USERS,
    "CREATE TABLE posts (id int PRIMARY KEY, user_id int, code int UNIQUE)",
    "INSERT INTO posts VALUES (1, 1, 100), (2, 9, 200), (3, NULL, 300)",
)


def written(project: Project, *statements: str, strategy: str = "quarantine") -> Project:
    """Posts, one of them an orphan, and a revision that gives them a key."""
    project.execute(*POSTS, *statements)
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy=strategy)
    return project


def test_a_chain_of_two_thousand_rows_goes_and_comes_back(project: Project) -> None:
    """Each row is found only through the one before it."""
    project.execute(
        "CREATE TABLE staff (id int PRIMARY KEY, boss_id int)",
        "INSERT INTO staff SELECT n, n - 1 FROM generate_series(1, 2000) AS n",
        "INSERT INTO staff VALUES (3000, NULL), (3001, 3000)",
    )
    write_key(project, "staff", "staff", ["boss_id"], ["id"], settling="max_orphans=None")
    assert there_and_back(project)["staff"] == ["(3000,)", "(3001,3000)"]


def test_a_cycle_that_hangs_from_nothing_is_no_orphan(project: Project) -> None:
    """Rows that refer to each other have parents."""
    project.execute(
        "CREATE TABLE staff (id int PRIMARY KEY, boss_id int)",
        "INSERT INTO staff VALUES (1, 2), (2, 1), (3, 3), (4, 9), (5, 4)",
    )
    write_key(project, "staff", "staff", ["boss_id"], ["id"])
    assert there_and_back(project)["staff"] == ["(1,2)", "(2,1)", "(3,3)"]


def test_a_cycle_of_two_tables_is_followed_to_its_end(project: Project) -> None:
    """The standing key leads back into the table whose key is to come."""
    project.execute(
        "CREATE TABLE a (id int PRIMARY KEY, b_id int)",
        "CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a ON DELETE CASCADE)",
        "INSERT INTO a VALUES (1, 9), (2, 1), (3, 2), (4, 4)",
        "INSERT INTO b VALUES (1, 1), (2, 2), (4, 4)",
    )
    write_key(project, "a", "b", ["b_id"], ["id"])
    upgraded = there_and_back(project)
    assert (upgraded["a"], upgraded["b"]) == (["(4,4)"], ["(4,4)"])


@pytest.mark.parametrize(
    ("rule", "comments"),
    [
        ("ON DELETE CASCADE", ["(10,1)"]),
        ("ON DELETE SET NULL", ["(10,1)", "(20,)"]),
        ("ON DELETE SET DEFAULT", ["(10,1)", "(20,3)"]),
        ("ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED", ["(10,1)"]),
        ("ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED", ["(10,1)", "(20,)"]),
    ],
)
def test_dependents_share_the_fate_that_their_key_says(project: Project, rule: str, comments: list[str]) -> None:
    """They are kept with what they hung from."""
    written(
        project,
        f"CREATE TABLE comments (id int PRIMARY KEY, post_id int DEFAULT 3 REFERENCES posts {rule})",
        "INSERT INTO comments VALUES (10, 1), (20, 2)",
    )
    upgraded = there_and_back(project)
    assert upgraded["comments"] == comments
    assert upgraded["posts"] == ["(1,1,100)", "(3,,300)"]


@pytest.mark.parametrize("rule", ["NO ACTION", "RESTRICT", "NO ACTION DEFERRABLE INITIALLY DEFERRED"])
def test_dependents_that_would_stop_a_delete_stop_the_upgrade(project: Project, rule: str) -> None:
    """The error names the key, and everything that was found before it stays."""
    written(
        project,
        "CREATE TABLE likes (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        f"CREATE TABLE comments (id int PRIMARY KEY, post_id int CONSTRAINT in_the_way REFERENCES posts ON DELETE {rule})",
        "INSERT INTO likes VALUES (1, 2)",
        "INSERT INTO comments VALUES (10, 1), (20, 2)",
    )
    error = refused(project, OrphansRemain, "1 row of comments refer")
    assert "in_the_way" in str(error)
    assert "posts.user_id -> users.id" in str(error)


def test_dependents_that_go_anyway_stop_nothing(project: Project) -> None:
    """A NO ACTION key between rows that all go has nothing to refuse."""
    written(
        project,
        """CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE,
            same int REFERENCES posts ON DELETE RESTRICT, earlier int REFERENCES comments)""",
        "INSERT INTO comments VALUES (10, 1, 1, NULL), (20, 2, 2, NULL), (21, 2, 2, 20)",
    )
    assert there_and_back(project)["comments"] == ["(10,1,1,)"]


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        ("CASCADE", "SET NULL", []),
        ("SET NULL", "CASCADE", []),
        ("SET NULL", "SET DEFAULT", ["(20,,3)"]),
        ("SET DEFAULT", "SET NULL", ["(20,3,)"]),
    ],
)
def test_two_keys_to_the_removed_row_do_what_both_say(
    project: Project, first: str, second: str, left: list[str]
) -> None:
    """PostgreSQL would do both, too, one after the other."""
    written(
        project,
        f"""CREATE TABLE links (id int PRIMARY KEY, here int DEFAULT 3 REFERENCES posts ON DELETE {first},
            there int DEFAULT 3 REFERENCES posts ON DELETE {second})""",
        "INSERT INTO links VALUES (20, 2, 2)",
    )
    assert there_and_back(project)["links"] == left


@pytest.mark.parametrize(
    "rules", [("CASCADE", "SET NULL"), ("SET NULL", "NO ACTION"), ("SET NULL", "RESTRICT"), ("SET DEFAULT", "SET NULL")]
)
def test_a_doubled_key_of_a_dependent_is_followed(project: Project, rules: tuple[str, str]) -> None:
    """Which of the two acts first is up to their names."""
    written(
        project,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int DEFAULT 3)",
        *(
            f"ALTER TABLE comments ADD CONSTRAINT key_{place} FOREIGN KEY (post_id) REFERENCES posts ON DELETE {rule}"
            for place, rule in enumerate(rules)
        ),
        "INSERT INTO comments VALUES (20, 2)",
    )
    expected = {"CASCADE": [], "SET NULL": ["(20,)"], "SET DEFAULT": ["(20,)"]}[rules[0]]
    assert there_and_back(project)["comments"] == expected


def test_a_diamond_is_kept_once(project: Project) -> None:
    """The row at its foot is reached by two ways of another length, with other rules."""
    written(
        project,
        "CREATE TABLE threads (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        """CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE SET NULL,
            thread_id int REFERENCES threads ON DELETE CASCADE)""",
        """CREATE TABLE likes (id int PRIMARY KEY, comment_id int REFERENCES comments ON DELETE CASCADE,
            post_id int REFERENCES posts ON DELETE CASCADE)""",
        "INSERT INTO threads VALUES (1, 1), (2, 2)",
        "INSERT INTO comments VALUES (10, 2, 2), (11, 2, 1), (12, 1, 2)",
        "INSERT INTO likes VALUES (1, 10, 2), (2, 11, 1), (3, 11, 2), (4, 12, 1)",
    )
    project.upgrade()
    assert {store.removeprefix("alembic_cascade."): len(found) for store, found in kept(project).items()} == {
        "r1_public_posts": 1,
        "r1_public_threads": 1,
        "r1_public_comments": 3,
        "r1_public_likes": 3,
    }
    project.downgrade()
    upgraded = there_and_back(project)
    assert upgraded["comments"] == ["(11,,1)"]
    assert upgraded["likes"] == ["(2,11,1)"]


@pytest.mark.parametrize(
    ("rule", "left"), [("CASCADE", ["(20,)"]), ("SET NULL", ["(20,)"]), ("SET DEFAULT", ["(20,100)"])]
)
def test_what_refers_to_a_value_that_becomes_null_follows_it(project: Project, rule: str, left: list[str]) -> None:
    """SET NULL of a column that another key refers to is an update of a referenced value."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int UNIQUE)",
        f"CREATE TABLE comments (id int PRIMARY KEY, who int DEFAULT 100 REFERENCES posts (user_id) ON UPDATE {rule})",
        f"CREATE TABLE likes (id int PRIMARY KEY, who int UNIQUE REFERENCES posts (user_id) ON UPDATE {rule})",
        "INSERT INTO users VALUES (100)",
        "INSERT INTO posts VALUES (1, 1), (2, 9), (3, 100)",
        "INSERT INTO comments VALUES (20, 9)",
        "INSERT INTO likes VALUES (1, 1), (2, 9)",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy="set_null")
    upgraded = there_and_back(project)
    assert upgraded["posts"] == ["(1,1)", "(2,)", "(3,100)"]
    assert upgraded["comments"] == left


def test_a_value_that_another_row_refers_to_by_no_action_can_not_change(project: Project) -> None:
    """ON UPDATE NO ACTION stands in the way of SET NULL as ON DELETE NO ACTION does in the way of a removal."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int UNIQUE)",
        "CREATE TABLE comments (id int PRIMARY KEY, who int CONSTRAINT in_the_way REFERENCES posts (user_id))",
        "INSERT INTO posts VALUES (1, 1), (2, 9)",
        "INSERT INTO comments VALUES (20, 9)",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy="set_null")
    error = refused(project, OrphansRemain, "changed with the orphans of posts.user_id")
    assert "in_the_way" in str(error)


def test_a_followed_row_with_a_check_that_never_held_for_it_is_settled(project: Project) -> None:
    """A NOT VALID check of the orphans' own table is no obstacle, that of a table that follows should be none."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int UNIQUE)",
        "CREATE TABLE comments (id int PRIMARY KEY, who int REFERENCES posts (user_id) ON UPDATE CASCADE, length int)",
        "INSERT INTO posts VALUES (1, 1), (2, 9)",
        "INSERT INTO comments VALUES (20, 9, -5)",
        "ALTER TABLE comments ADD CONSTRAINT positive CHECK (length > 0) NOT VALID",
        "ALTER TABLE posts ADD CONSTRAINT small CHECK (id < 2) NOT VALID",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy="set_null")
    assert there_and_back(project)["comments"] == ["(20,,-5)"]


def test_a_dependents_default_without_a_parent_is_refused(project: Project) -> None:
    """SET DEFAULT would make it an orphan in turn."""
    written(
        project,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int DEFAULT 77 REFERENCES posts ON DELETE SET DEFAULT)",
        "INSERT INTO comments VALUES (20, 2)",
    )
    refused(project, OrphansNotSettled, "comments")


def test_a_dependents_not_null_column_is_refused(project: Project) -> None:
    """PostgreSQL takes ON DELETE SET NULL on a NOT NULL column, and fails when it is to act."""
    written(
        project,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int NOT NULL REFERENCES posts ON DELETE SET NULL)",
        "INSERT INTO comments VALUES (20, 2)",
    )
    refused(project, OrphansNotSettled, r"comments\.post_id can't be set to NULL")


def test_columns_in_another_order_are_compared_as_the_key_pairs_them(project: Project) -> None:
    """Numbers of columns differ between child and parent, and between the lists of the key."""
    project.execute(
        "CREATE TABLE orders (region text, n bigint, gone int, PRIMARY KEY (n, region))",
        "ALTER TABLE orders DROP COLUMN gone",
        """CREATE TABLE lines (id int PRIMARY KEY, gone int, order_n int, order_region varchar(10))""",
        "ALTER TABLE lines DROP COLUMN gone",
        """CREATE TABLE notes (r varchar(10), n int, id int PRIMARY KEY)""",
        "ALTER TABLE lines ADD UNIQUE (order_region, order_n)",
        """ALTER TABLE notes ADD FOREIGN KEY (r, n) REFERENCES lines (order_region, order_n) ON DELETE CASCADE""",
        "INSERT INTO orders VALUES ('eu', 1), ('us', 2)",
        "INSERT INTO lines VALUES (1, 1, 'eu'), (2, 1, 'us'), (3, 2, 'us'), (4, NULL, 'xx')",
        "INSERT INTO notes VALUES ('us', 1, 1), ('us', 2, 2), (NULL, 1, 3)",
    )
    write_key(project, "lines", "orders", ["order_region", "order_n"], ["region", "n"])
    upgraded = there_and_back(project)
    assert upgraded["lines"] == ["(1,1,eu)", "(3,2,us)", "(4,,xx)"]
    assert upgraded["notes"] == ["(,1,3)", "(us,2,2)"]


def test_dependents_in_other_schemas_are_found(project: Project) -> None:
    """By the catalogue, whatever the search path shows; tables of the same name are not confused."""
    written(
        project,
        "CREATE SCHEMA other",
        "CREATE TABLE other.posts (id int PRIMARY KEY, post_id int REFERENCES public.posts ON DELETE CASCADE)",
        "CREATE TABLE other.users (id int PRIMARY KEY, post_id int REFERENCES other.posts ON DELETE SET NULL)",
        "INSERT INTO other.posts VALUES (1, 1), (2, 2)",
        "INSERT INTO other.users VALUES (1, 1), (2, 2)",
    )
    upgraded = there_and_back(project)
    assert upgraded["other.posts"] == ["(1,1)"]
    assert upgraded["other.users"] == ["(1,1)", "(2,)"]
    assert rows(project)["posts"] == ["(1,1,100)", "(2,9,200)", "(3,,300)"]
