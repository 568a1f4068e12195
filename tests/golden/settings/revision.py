"""change"""

from alembic import op
import sqlalchemy as sa


revision = 'golden_settings'
down_revision = None


def upgrade():
    # Äußere %s.order.by "hand" -> users.id: orphans get the default in by "hand", as by ON DELETE SET
    # DEFAULT; old values go into the quarantine
    op.clean_orphans(
        'order', 'users', ['by "hand"'], ['id'],
        strategy='set_default', revision=revision, max_orphans=5, trust_valid_keys=False,
        quarantine_schema='Aside', source_schema='Äußere %s',
    )
    op.create_foreign_key(op.f('order_by "hand"_fkey'), 'order', 'users', ['by "hand"'], ['id'], source_schema='Äußere %s', ondelete='SET DEFAULT')
    # Äußere %s.order.user:id -> users.id: orphans go into the quarantine, as
    # orphan_overrides['*.order.user:id'] says
    op.clean_orphans(
        'order', 'users', ['user:id'], ['id'],
        strategy='quarantine', revision=revision, max_orphans=5, trust_valid_keys=False,
        quarantine_schema='Aside', source_schema='Äußere %s',
    )
    op.create_foreign_key(op.f('order_user:id_fkey'), 'order', 'users', ['user:id'], ['id'], source_schema='Äußere %s', ondelete='CASCADE')


def downgrade():
    op.drop_constraint(op.f('order_user:id_fkey'), 'order', schema='Äußere %s', type_='foreignkey')
    op.restore_orphans(
        'order', 'users', ['user:id'], ['id'],
        revision=revision, quarantine_schema='Aside', source_schema='Äußere %s',
    )
    op.drop_constraint(op.f('order_by "hand"_fkey'), 'order', schema='Äußere %s', type_='foreignkey')
    op.restore_orphans(
        'order', 'users', ['by "hand"'], ['id'],
        revision=revision, quarantine_schema='Aside', source_schema='Äußere %s',
    )
