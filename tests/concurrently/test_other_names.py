"""A key that goes: it may have another name in this deployment, and another key may have its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, number, reference
from project import cascade_log

from alembic_cascade import CascadeConfig, ForeignKeyRefused, configure_options

if TYPE_CHECKING:
    from project import Project

KEYS = "SELECT conname FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
AGAIN = "ALTER TABLE posts ADD CONSTRAINT again FOREIGN KEY (user_id) REFERENCES users"


@pytest.fixture
def posts(project: Project) -> Project:
    """Posts that refer to users."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    return project


def test_a_key_with_another_name_is_found_by_its_columns(posts: Project, caplog: pytest.LogCaptureFixture) -> None:
    """As the ordinary form finds it; the log says so."""
    posts.metadata = models(users=[], posts=[number("user_id")])
    assert "doubled" not in posts.revision().upgrade
    posts.execute("ALTER TABLE posts RENAME CONSTRAINT posts_user_id_fkey TO by_hand")
    caplog.set_level("INFO", "alembic.cascade")
    posts.upgrade()
    assert posts.fetch(KEYS) == []
    assert "dropped, it is named by_hand here" in "\n".join(cascade_log(caplog.records))


def test_a_doubled_key_goes_by_its_name_alone(posts: Project) -> None:
    """Run once more, as after an interruption, it leaves the one that is to stay."""
    posts.execute(AGAIN)
    posts.metadata = models(users=[], posts=[reference("user_id", "users.id")])
    revision = posts.revision()
    assert "op.drop_foreign_key('again', 'posts', 'users', ['user_id'], ['id'], doubled=True, concurrently=True)" in (
        " ".join(revision.upgrade.split())
    )
    for _ in range(2):
        posts.upgrade()
        assert posts.fetch(KEYS) == [("posts_user_id_fkey",)]
        posts.execute("DELETE FROM alembic_version")


def test_neither_of_two_that_could_be_meant_is_dropped(posts: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A warning names them."""
    posts.metadata = models(users=[], posts=[number("user_id")])
    posts.revision()
    posts.execute(AGAIN, "ALTER TABLE posts RENAME CONSTRAINT posts_user_id_fkey TO by_hand")
    posts.upgrade()
    assert posts.fetch(KEYS) == [("again",), ("by_hand",)]
    assert "no key is named posts_user_id_fkey (any more); again, by_hand on the same columns stays" in "\n".join(
        cascade_log(caplog.records)
    )


def test_the_ordinary_form_drops_a_doubled_key_by_its_name_as_well(posts: Project) -> None:
    """What has another name is not it."""
    posts.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    posts.options = configure_options(CascadeConfig(optional_tables=["posts"]))
    posts.execute(AGAIN)
    posts.metadata = models(users=[], posts=[reference("user_id", "users.id")])
    assert "doubled=True, if_exists=True" in posts.revision().upgrade
    posts.execute("ALTER TABLE posts DROP CONSTRAINT again")
    with pytest.raises(ForeignKeyRefused, match="posts has no foreign key again, nor another one"):
        posts.upgrade()
    assert posts.fetch(KEYS) == [("posts_user_id_fkey",)]
