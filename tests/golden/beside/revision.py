"""change"""

from alembic import op
import sqlalchemy as sa


revision = 'golden_beside'
down_revision = None


def upgrade():
    # people.boss -> people.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
    op.clean_orphans(
        'people', 'people', ['boss'], ['id'],
        strategy='quarantine', revision=revision, quarantine_schema=None,
    )
    op.create_foreign_key(op.f('people_boss_fkey'), 'people', 'people', ['boss'], ['id'], ondelete='CASCADE')
    # people.home -> homes.id: orphans get NULL in home, as by ON DELETE SET NULL; old values go into
    # the quarantine
    op.clean_orphans(
        'people', 'homes', ['home'], ['id'],
        strategy='set_null', revision=revision, quarantine_schema=None,
    )
    op.create_foreign_key(op.f('people_home_fkey'), 'people', 'homes', ['home'], ['id'], ondelete='SET NULL')


def downgrade():
    op.drop_constraint(op.f('people_home_fkey'), 'people', type_='foreignkey')
    op.restore_orphans('people', 'homes', ['home'], ['id'], revision=revision, quarantine_schema=None)
    op.drop_constraint(op.f('people_boss_fkey'), 'people', type_='foreignkey')
    op.restore_orphans('people', 'people', ['boss'], ['id'], revision=revision, quarantine_schema=None)
