"""What ``alembic-cascade orphans`` finds in one database, and does there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alembic_cascade.audit.mapped import BrokenMapper, mapped_models
from alembic_cascade.audit.subject import Subject
from alembic_cascade.cli.orphans_listing import Counted
from alembic_cascade.cli.progress import progress
from alembic_cascade.environment import Site
from alembic_cascade.errors import UnsupportedDialect
from alembic_cascade.orphans.links import links_of, whole_database
from alembic_cascade.orphans.looked import Wanted
from alembic_cascade.orphans.looking import locate, look
from alembic_cascade.orphans.planning import Plan, Said, plans
from alembic_cascade.orphans.settling import Foreseen, Hands, Settled, foresee, settle


@dataclass(frozen=True)
class Seen:
    """What was found in one database, and what would be done about it."""

    counted: Counted
    plans: tuple[Plan, ...]
    foreseen: tuple[Foreseen, ...]


@dataclass(frozen=True)
class Fixed:
    """What was settled in a database, and what is left."""

    settled: tuple[Settled, ...]
    left: Seen


def see(site: Site, wanted: Wanted, said: Said, *, dry_run: bool) -> Seen:
    """Count, and plan; with ``dry_run`` try it, too, and take it back.

    Errors: :exc:`.UnsupportedDialect`.
    """
    counted = _count(site, wanted)
    made = plans(counted.looked, site.config, said)
    with_orphans = [plan for plan in made if plan.has_work]
    foreseen: list[Foreseen] = []
    if dry_run:
        with progress("Looking at what would be done", len(with_orphans)) as step:
            foreseen = foresee(_hands(site), with_orphans, step)
    return Seen(counted, tuple(made), tuple(foreseen))


def _count(site: Site, wanted: Wanted) -> Counted:
    subject, broken = _subject(site)
    located = locate(site.postgresql, links_of(subject), subject)
    meant = [(link, place) for link, place in located if wanted.means(place.child)]
    with progress("Counting orphans", len(meant)) as step:
        trusting = wanted.trusting and site.config.trust_valid_keys
        looked = look(site.postgresql, meant, replace(wanted, trusting=trusting), step)
    children = tuple(dict.fromkeys(place.child for _, place in located))
    return Counted(site.number, str(site.postgresql.engine.url.database), tuple(looked), children, broken)


def _subject(site: Site) -> tuple[Subject, tuple[BrokenMapper, ...]]:
    """The models, where there are any, and all that the database has.

    Errors: :exc:`.UnsupportedDialect`.
    """
    name = site.context.dialect.name
    if name != "postgresql":
        raise UnsupportedDialect(name, "A count of orphans", "It is written for PostgreSQL alone.")
    connection = site.postgresql
    metadatas = site.given_metadatas
    mapped = mapped_models(metadatas)
    subject = Subject(
        metadatas,
        mapped,
        site.config,
        default_schema=connection.dialect.default_schema_name or "public",
        dialect=connection.dialect,
        translated=site.translated,
    )
    return whole_database(connection, subject), mapped.broken


def _hands(site: Site) -> Hands:
    return Hands(site.postgresql, site.config, site.context.version_table_schema)


def settle_all(site: Site, seen: Seen, wanted: Wanted, said: Said, revision: str) -> Fixed:
    """Settle what is there, and what comes to be orphans by that, until nothing is left that can be settled."""
    settled: list[Settled] = []
    while True:
        todo = [plan for plan in seen.plans if plan.has_work]
        if not todo:
            return Fixed(tuple(settled), seen)
        with progress("Settling orphans", len(todo)) as step:
            done = settle(_hands(site), todo, revision, step)
        if not done:
            # Somebody else was there first.
            return Fixed(tuple(settled), see(site, wanted, said, dry_run=False))
        settled.extend(done)
        seen = see(site, wanted, said, dry_run=False)
