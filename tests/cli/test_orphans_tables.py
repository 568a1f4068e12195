"""``orphans`` on tables and keys of all kinds: what it counts is what a settling would settle."""

from __future__ import annotations

import pytest
from orphaned import Site, failure
from workplace import ENV

NOTHING = "class Nothing(Base):\n    __tablename__ = 'nothing'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"

# Statements, then the key's label, and its orphans, references and NULL links.
SHAPES = {
    "composite": (
        (
            "CREATE TABLE lines (a integer, b integer, PRIMARY KEY (a, b))",
            "CREATE TABLE notes (id integer PRIMARY KEY, a integer, b integer)",
            "INSERT INTO lines VALUES (1, 1), (1, 2)",
            "INSERT INTO notes VALUES (1, 1, 1), (2, 2, 1), (3, NULL, 9), (4, 9, NULL), (5, NULL, NULL)",
            "ALTER TABLE notes ADD FOREIGN KEY (b, a) REFERENCES lines (b, a) NOT VALID",
        ),
        "notes.(b, a) -> lines.(b, a)",
        (1, 2, 3),
    ),
    "match full": (
        (
            "CREATE TABLE lines (a integer, b integer, PRIMARY KEY (a, b))",
            "CREATE TABLE notes (id integer PRIMARY KEY, a integer, b integer)",
            "INSERT INTO lines VALUES (1, 1), (1, 2)",
            "INSERT INTO notes VALUES (1, 1, 1), (2, 2, 1), (3, NULL, 9), (4, 9, NULL), (5, NULL, NULL)",
            "ALTER TABLE notes ADD FOREIGN KEY (a, b) REFERENCES lines MATCH FULL NOT VALID",
        ),
        "notes.(a, b) -> lines.(a, b)",
        (3, 4, 1),
    ),
    "match full of one column": (
        (
            "CREATE TABLE users (id integer PRIMARY KEY)",
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer)",
            "INSERT INTO posts VALUES (1, 1), (2, NULL)",
            "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users MATCH FULL NOT VALID",
        ),
        "posts.user_id -> users.id",
        (1, 1, 1),
    ),
    "self reference": (
        (
            "CREATE TABLE nodes (id integer PRIMARY KEY, parent integer)",
            "INSERT INTO nodes VALUES (1, NULL), (2, 1), (3, 9), (4, 3), (5, 5)",
            "ALTER TABLE nodes ADD FOREIGN KEY (parent) REFERENCES nodes ON DELETE CASCADE NOT VALID",
        ),
        "nodes.parent -> nodes.id",
        (1, 4, 1),
    ),
    "partitioned parent": (
        (
            "CREATE TABLE users (id integer PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE users_low PARTITION OF users FOR VALUES FROM (0) TO (10)",
            "CREATE TABLE users_high PARTITION OF users FOR VALUES FROM (10) TO (20)",
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer)",
            "INSERT INTO users VALUES (1), (11)",
            "INSERT INTO posts VALUES (1, 1), (2, 11), (3, 12)",
            "ALTER TABLE posts ADD CONSTRAINT k FOREIGN KEY (user_id) REFERENCES users_low NOT VALID",
        ),
        "posts.user_id -> users_low.id",
        (2, 3, 0),
    ),
    "inherited": (
        (
            "CREATE TABLE users (id integer PRIMARY KEY)",
            "CREATE TABLE admins (level integer) INHERITS (users)",
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer)",
            "CREATE TABLE stickies (pinned boolean) INHERITS (posts)",
            "INSERT INTO users VALUES (1)",
            "INSERT INTO admins VALUES (2, 1)",
            "INSERT INTO posts VALUES (1, 1), (2, 2)",
            "INSERT INTO stickies VALUES (3, 9, true)",
            "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
        "posts.user_id -> users.id",
        (1, 2, 0),
    ),
    "another schema": (
        (
            "CREATE SCHEMA billing",
            "CREATE TABLE users (id integer PRIMARY KEY)",
            "CREATE TABLE billing.invoices (id integer PRIMARY KEY, user_id integer)",
            "INSERT INTO billing.invoices VALUES (1, 1), (2, NULL)",
            "ALTER TABLE billing.invoices ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
        "billing.invoices.user_id -> users.id",
        (1, 1, 1),
    ),
    "nasty names": (
        (
            'CREATE SCHEMA "Sche ma"',
            'CREATE TABLE "Sche ma"."us%ers" ("the ""id""" integer PRIMARY KEY)',
            'CREATE TABLE "Sche ma"."order" ("sel:ect" integer PRIMARY KEY, "it\'s" integer)',
            'INSERT INTO "Sche ma"."order" VALUES (1, 5)',
            'ALTER TABLE "Sche ma"."order" ADD FOREIGN KEY ("it\'s") REFERENCES "Sche ma"."us%ers" NOT VALID',
        ),
        'Sche ma.order.it\'s -> Sche ma.us%ers.the "id"',
        (1, 1, 0),
    ),
    "other types of one family": (
        (
            "CREATE TABLE users (id bigint PRIMARY KEY)",
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id smallint)",
            "INSERT INTO users VALUES (1)",
            "INSERT INTO posts VALUES (1, 1), (2, 2)",
            "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
        "posts.user_id -> users.id",
        (1, 2, 0),
    ),
    "a domain": (
        (
            "CREATE DOMAIN code AS text CHECK (value <> '')",
            "CREATE TABLE users (id code PRIMARY KEY)",
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id code)",
            "INSERT INTO users VALUES ('a')",
            "INSERT INTO posts VALUES (1, 'a'), (2, 'A')",
            "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
        "posts.user_id -> users.id",
        (1, 2, 0),
    ),
    "other collations": (
        (
            'CREATE TABLE users (id text COLLATE "C" PRIMARY KEY)',
            'CREATE TABLE posts (id integer PRIMARY KEY, user_id text COLLATE "POSIX")',
            "INSERT INTO users VALUES ('a')",
            "INSERT INTO posts VALUES (1, 'a'), (2, 'b')",
            "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
        "posts.user_id -> users.id",
        (1, 2, 0),
    ),
    "dropped columns": (
        (
            "CREATE TABLE users (gone integer, id integer PRIMARY KEY)",
            "CREATE TABLE posts (gone integer, id integer, also integer, user_id integer, PRIMARY KEY (user_id, id))",
            "ALTER TABLE users DROP gone",
            "ALTER TABLE posts DROP gone, DROP also",
            "INSERT INTO posts VALUES (1, 5)",
            "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
        "posts.user_id -> users.id",
        (1, 1, 0),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_counted_is_what_would_be_settled(site: Site, name: str) -> None:
    """The server's own functions find the same rows."""
    statements, label, counts = SHAPES[name]
    site.model(NOTHING)
    site.execute(*statements)
    assert site.counts() == {label: counts}
    written = site.document("--dry-run", "--strategy", "quarantine", "--max-orphans", "none")
    (plan,) = written["plans"]
    # An empty parent is refused whatever the limit, but for none.
    assert plan["refused"] is None
    assert sum(effect["rows"] for effect in plan["effects"] if effect["orphans"]) == counts[0]
    (key,) = written["keys"]
    assert len(key["samples"]) == counts[0]


def test_a_partitioned_child_is_counted_once(site: Site) -> None:
    """With all of its partitions; the keys that these have of it are no keys of their own."""
    site.model(NOTHING)
    site.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer, user_id integer REFERENCES users) PARTITION BY LIST (id)",
        "CREATE TABLE posts_1 PARTITION OF posts FOR VALUES IN (1, 2)",
        "CREATE TABLE posts_2 PARTITION OF posts DEFAULT",
        "SET session_replication_role = replica",
        "INSERT INTO posts VALUES (1, 5), (2, NULL), (3, 6)",
        "RESET session_replication_role",
    )
    assert site.counts("--all") == {"posts.user_id -> users.id": (2, 2, 1)}
    assert site.counts() == {}
    # One partition's triggers are enough for nobody to guarantee it.
    site.execute("ALTER TABLE posts_2 DISABLE TRIGGER ALL")
    assert site.counts() == {"posts.user_id -> users.id": (2, 2, 1)}


def test_a_model_of_a_partition(site: Site) -> None:
    """The key that it declares is the one of the partitioned table."""
    site.model("""\
        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)

        class Post(Base):
            __tablename__ = "posts_1"
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
        """)
    site.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer REFERENCES users) PARTITION BY LIST (id)",
        "CREATE TABLE posts_1 PARTITION OF posts DEFAULT",
    )
    assert [key["status"] for key in site.document()["keys"]] == ["trusted", "trusted"]


def test_the_search_path_shows_a_schema_that_models_spell_out(site: Site) -> None:
    """It is one key, not two."""
    site.model("""\
        class User(Base):
            __tablename__ = "users"
            __table_args__ = {"schema": "app"}
            id: Mapped[int] = mapped_column(primary_key=True)

        class Post(Base):
            __tablename__ = "posts"
            __table_args__ = {"schema": "app"}
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int | None] = mapped_column(ForeignKey("app.users.id"))
        """)
    site.execute(
        "CREATE SCHEMA app",
        "CREATE TABLE app.users (id integer PRIMARY KEY)",
        "CREATE TABLE app.posts (id integer PRIMARY KEY, user_id integer REFERENCES app.users)",
        "INSERT INTO app.users VALUES (1)",
        "INSERT INTO app.posts VALUES (1, 1)",
    )
    for path in ("public", "public, app", "app, public"):
        site.execute(f"ALTER DATABASE {site.engine.url.database} SET search_path = {path}")
        assert site.counts() == {}, path
        assert site.counts("--all") == {"app.posts.user_id -> app.users.id": (0, 1, 0)}, path


def test_a_schema_translate_map(site: Site) -> None:
    """A tenant's tables are those that are meant."""
    site.model("""\
        class User(Base):
            __tablename__ = "users"
            __table_args__ = {"schema": "tenant"}
            id: Mapped[int] = mapped_column(primary_key=True)

        class Post(Base):
            __tablename__ = "posts"
            __table_args__ = {"schema": "tenant"}
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.users.id", ondelete="CASCADE"))
        """)
    env = (site.path / "migrations" / "env.py").read_text()
    mapped = 'engine.connect().execution_options(schema_translate_map={"tenant": "first"})'
    site.write_env(env.replace("engine.connect()", mapped))
    site.execute(
        "CREATE SCHEMA first",
        "CREATE TABLE first.users (id integer PRIMARY KEY)",
        "CREATE TABLE first.posts (id integer PRIMARY KEY, user_id integer)",
        "INSERT INTO first.users VALUES (1)",
        "INSERT INTO first.posts VALUES (1, 1), (2, 9)",
    )
    assert site.counts() == {"tenant.posts.user_id -> tenant.users.id": (1, 2, 0)}
    assert site.run("--fix", "--yes", "--table", "first.posts").exit_code == 0
    assert site.fetch("SELECT id FROM first.posts") == [(1,)]
    site.execute("ALTER TABLE first.posts ADD FOREIGN KEY (user_id) REFERENCES first.users ON DELETE CASCADE")
    assert [key["status"] for key in site.document()["keys"]] == ["trusted"]


@pytest.fixture
def reader(site: Site) -> str:
    """A role that may read nothing but what it is given; the project connects as it."""
    role = f"reader_of_{site.engine.url.database}"
    site.execute(
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN",
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, editor_id integer)",
        "CREATE TABLE comments (id integer PRIMARY KEY, post_id integer)",
        "INSERT INTO users VALUES (1)",
        "INSERT INTO posts VALUES (1, 1, 5), (2, 5, 1)",
        "INSERT INTO comments VALUES (1, 9)",
        "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        "ALTER TABLE comments ADD FOREIGN KEY (post_id) REFERENCES posts NOT VALID",
    )
    site.connect_to(site.engine.url.set(username=role, password=None))
    site.model(NOTHING)
    return role


def test_a_missing_right_is_told_of_its_key_alone(site: Site, reader: str) -> None:
    """The others are counted; the exit status says that not all could be."""
    site.execute(f"GRANT SELECT ON posts, comments TO {reader}")
    result = site.run()
    assert result.exit_code == 2
    assert "could not be counted: posts.user_id -> users.id: permission denied for table users\n" in result.stdout
    assert "      1           1  100.0 %     0  comments.post_id -> posts.id" in result.stdout
    site.execute(f"REVOKE SELECT ON comments FROM {reader}")
    assert (
        "could not be counted: comments.post_id -> posts.id: permission denied for table comments" in site.run().stdout
    )
    site.execute(f"DROP OWNED BY {reader}", f"DROP ROLE {reader}")


@pytest.mark.parametrize("table", ["posts", "users"])
def test_row_security_that_hides_rows_is_told(site: Site, reader: str, table: str) -> None:
    """A count of what is shown would be no count of what there is; who is exempt counts all."""
    site.execute(
        f"GRANT SELECT ON posts, comments, users TO {reader}",
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY first_only ON {table} USING (id = 1)",
    )
    result = site.run("--table", "posts")
    assert result.exit_code == 2
    said = f'could not be counted: posts.user_id -> users.id: query would be affected by row-level security policy for table "{table}"'
    assert said in result.stdout
    site.connect_to(site.engine.url)
    site.model(NOTHING)
    assert site.counts("--table", "posts") == {"posts.user_id -> users.id": (1, 2, 0)}
    site.execute(f"DROP OWNED BY {reader}", f"DROP ROLE {reader}")


def test_values_that_can_not_be_compared_are_told(site: Site) -> None:
    """No key can be made of them; the others are counted."""
    site.model("""\
        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)

        class Post(Base):
            __tablename__ = "posts"
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
            editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
        """)
    site.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id text, editor_id integer)",
        "INSERT INTO users VALUES (1)",
        "INSERT INTO posts VALUES (1, '1', 1)",
    )
    result = site.run()
    assert result.exit_code == 2
    assert (
        "could not be counted: posts.user_id -> users.id: operator does not exist: integer pg_catalog.= text"
        in result.stdout
    )
    assert "      0           1  0.0 %     0  posts.editor_id -> users.id" in result.stdout


def test_columns_that_are_absent_are_skipped(site: Site) -> None:
    """The next migration brings them."""
    site.model("""\
        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)

        class Post(Base):
            __tablename__ = "posts"
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
        """)
    site.execute("CREATE TABLE users (id integer PRIMARY KEY)", "CREATE TABLE posts (id integer PRIMARY KEY)")
    result = site.run()
    assert result.exit_code == 0
    assert "skipped: posts.user_id -> users.id: public.posts has no column user_id" in result.stdout


def test_relationships_without_a_key(site: Site) -> None:
    """Both keys of an association table; not what is view-only, nor what joins by more than its columns."""
    site.model("""\
        tags = Table("post_tags", Base.metadata, Column("post_id", Integer), Column("tag", Text))

        class Tag(Base):
            __tablename__ = "tags"
            name: Mapped[str] = mapped_column(primary_key=True)

        class Post(Base):
            __tablename__ = "posts"
            id: Mapped[int] = mapped_column(primary_key=True)
            tags = relationship(Tag, secondary=tags,
                primaryjoin=lambda: Post.id == foreign(tags.c.post_id),
                secondaryjoin=lambda: Tag.name == foreign(tags.c.tag))
            looks = relationship("Note", primaryjoin=lambda: Post.id == foreign(Note.seen), viewonly=True)
            notes = relationship("Note", primaryjoin=lambda: and_(
                Post.id == foreign(Note.about), Note.kind == "post"))

        class Note(Base):
            __tablename__ = "notes"
            id: Mapped[int] = mapped_column(primary_key=True)
            about: Mapped[int]
            seen: Mapped[int]
            kind: Mapped[str]
        """)
    site.execute(
        "CREATE TABLE tags (name text PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY)",
        "CREATE TABLE post_tags (post_id integer, tag text)",
        "CREATE TABLE notes (id integer PRIMARY KEY, about integer NOT NULL, seen integer NOT NULL, kind text NOT NULL)",
        "INSERT INTO tags VALUES ('new')",
        "INSERT INTO posts VALUES (1)",
        "INSERT INTO post_tags VALUES (1, 'new'), (2, 'new'), (1, 'old'), (3, 'old')",
        "INSERT INTO notes VALUES (1, 77, 88, 'user')",
    )
    assert site.counts() == {"post_tags.post_id -> posts.id": (2, 4, 0), "post_tags.tag -> tags.name": (2, 4, 0)}
    said = "skipped: notes.about -> posts.id (Post.notes): it joins by more than these columns"
    assert said in site.run().stdout
    # A key of the database is the relationship's, though the models know of none.
    site.execute("ALTER TABLE post_tags ADD FOREIGN KEY (tag) REFERENCES tags NOT VALID")
    assert len(site.counts()) == 2


@pytest.mark.parametrize(
    "join",
    [
        "func.lower(foreign(Note.by)) == func.lower(User.name)",
        "foreign(Note.by) == func.lower(User.name)",
        "cast(foreign(Note.by), Text) == cast(User.name, Text)",
        "or_(foreign(Note.by) == User.name, foreign(Note.editor) == User.name)",
    ],
)
def test_a_join_by_more_than_equal_columns(site: Site, join: str) -> None:
    """What a function makes of values can be equal where they are not: their rows are no orphans."""
    site.model(f"""\
        class User(Base):
            __tablename__ = "users"
            name: Mapped[str] = mapped_column(primary_key=True)

        class Note(Base):
            __tablename__ = "notes"
            id: Mapped[int] = mapped_column(primary_key=True)
            by: Mapped[str]
            editor: Mapped[str]
            user: Mapped[User] = relationship(primaryjoin=lambda: {join})
        """)
    site.execute(
        "CREATE TABLE users (name text PRIMARY KEY)",
        "CREATE TABLE notes (id integer PRIMARY KEY, by text NOT NULL, editor text NOT NULL)",
        "INSERT INTO users VALUES ('Ann')",
        "INSERT INTO notes VALUES (1, 'ann', 'Ann')",
    )
    assert site.counts() == {}
    result = site.run()
    assert result.exit_code == 0
    assert "(Note.user): it joins by more than these columns" in result.stdout


def test_a_column_that_several_classes_of_a_table_share(site: Site) -> None:
    """Rows of another class are none of a relationship's: it is not judged. What only its class has, is."""
    site.model("""\
        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
            events: Mapped[list["UserEvent"]] = relationship(
                primaryjoin=lambda: User.id == foreign(Event.__table__.c.target), overlaps="post, user")

        class Post(Base):
            __tablename__ = "posts"
            id: Mapped[int] = mapped_column(primary_key=True)

        class Event(Base):
            __tablename__ = "events"
            id: Mapped[int] = mapped_column(primary_key=True)
            kind: Mapped[str]
            __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "any"}

        class UserEvent(Event):
            target: Mapped[int | None] = mapped_column(use_existing_column=True)
            user: Mapped[User] = relationship(primaryjoin=lambda: foreign(UserEvent.target) == User.id, overlaps="events")
            __mapper_args__ = {"polymorphic_identity": "user"}

        class PostEvent(Event):
            target: Mapped[int | None] = mapped_column(use_existing_column=True)
            by: Mapped[int | None]
            post: Mapped[Post] = relationship(primaryjoin=lambda: foreign(PostEvent.target) == Post.id)
            author: Mapped[User] = relationship(primaryjoin=lambda: foreign(PostEvent.by) == User.id)
            __mapper_args__ = {"polymorphic_identity": "post"}
        """)
    site.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY)",
        "CREATE TABLE events (id integer PRIMARY KEY, kind text NOT NULL, target integer, by integer)",
        "INSERT INTO users VALUES (1)",
        "INSERT INTO posts VALUES (2)",
        "INSERT INTO events VALUES (1, 'user', 1, NULL), (2, 'post', 2, 1), (3, 'post', 2, 9)",
    )
    assert site.counts() == {"events.by -> users.id": (1, 2, 1)}
    said = site.run("--dry-run", "--strategy", "quarantine").stdout
    assert "events.by" in said
    assert "events.target" not in said
    assert (
        "skipped: events.target -> posts.id (PostEvent.post): it joins by more than these columns" in site.run().stdout
    )


def test_plain_alembic_in_all_schemas(site: Site) -> None:
    """A table of the same name in two schemas is two tables."""
    site.write_env(ENV)
    for schema in ("one", "two"):
        site.execute(
            f"CREATE SCHEMA {schema}",
            f"CREATE TABLE {schema}.users (id integer PRIMARY KEY)",
            f"CREATE TABLE {schema}.posts (id integer PRIMARY KEY, user_id integer)",
            f"INSERT INTO {schema}.posts VALUES (1, 1)",
            f"ALTER TABLE {schema}.posts ADD FOREIGN KEY (user_id) REFERENCES {schema}.users NOT VALID",
        )
    site.execute("INSERT INTO two.users VALUES (1)")
    assert site.counts() == {
        "one.posts.user_id -> one.users.id": (1, 1, 0),
        "two.posts.user_id -> two.users.id": (0, 1, 0),
    }


def test_on_a_connection_that_commits_each_statement(site: Site) -> None:
    """Without a transaction nothing could be kept from changing: it is refused."""
    site.model(NOTHING)
    site.execute(*SHAPES["self reference"][0])
    env = (site.path / "migrations" / "env.py").read_text()
    site.write_env(env.replace("engine.connect()", 'engine.connect().execution_options(isolation_level="AUTOCOMMIT")'))
    assert failure(site.run()).startswith("The connection of env.py commits each statement by itself (AUTOCOMMIT): ")
