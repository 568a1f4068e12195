"""A user is deleted by the models that the application had until now, and by those that it has."""

from __future__ import annotations

from models import User
from sqlalchemy import MetaData
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, registry, relationship
from storytelling.checking import session_on
from storytelling.rolling_back import rolled_back
from storytelling.stage import Stage

USER = 3
# Tables of their own, for the models' relationships would get in the way.
OLD = MetaData()
USERS, PROFILES = (User.metadata.tables[name].to_metadata(OLD) for name in ("users", "user_profiles"))


class PlainUser:
    """A user of the same table, whose relationship says nothing of deletes."""


class PlainProfile:
    """What is known by its user alone."""


def map_plainly() -> None:
    """As the models were before."""
    plain = registry()
    plain.map_imperatively(PlainProfile, PROFILES)
    plain.map_imperatively(
        PlainUser, USERS, properties={"profile": relationship(PlainProfile, foreign_keys=[PROFILES.c.user_id])}
    )


map_plainly()


def try_to_delete_a_user(stage: Stage, when: str) -> None:
    """By SQL, by the relationships of old, which no migration mends, and by those of the models."""
    stage.narrator.chapter(f"Delete a user {'as the schema is now' if when == 'before' else 'after the upgrade'}")
    said = {model: _deleted(stage, model) for model in (PlainUser, User)}
    for model, problem in said.items():
        print(f"session.delete(session.get_one({model.__name__}, {USER}))\n  {problem or 'deleted'}\n")
    blank = "blank-out primary key column" in said[PlainUser]
    refused = "" if blank else f"instead: {said[PlainUser] or 'deleted'}"
    stage.narrator.claim(f"{when}: plain relationships still try to blank-out primary key column", refused)
    if when == "before":
        problem = "" if said[User] else "it was deleted"
        stage.narrator.claim("before: no user can be deleted", problem)
    else:
        stage.narrator.claim(f"{when}: a user can be deleted", said[User])


def _deleted(stage: Stage, model: type[PlainUser | User]) -> str:
    """What stops it."""
    with rolled_back(stage.engine) as connection:
        session: Session = session_on(connection)
        try:
            session.delete(session.get_one(model, USER))
            session.commit()
        except (AssertionError, IntegrityError) as error:
            session.rollback()
            return str(getattr(error, "orig", error)).splitlines()[0].partition(" on instance")[0]
        finally:
            session.close()
    return ""
