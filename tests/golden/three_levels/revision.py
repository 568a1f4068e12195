"""change"""

from alembic import op
import sqlalchemy as sa


revision = 'golden_three_levels'
down_revision = None


def upgrade():
    # messages.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete
    # them
    op.clean_orphans('messages', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)
    op.create_foreign_key(op.f('messages_user_id_fkey'), 'messages', 'users', ['user_id'], ['id'], ondelete='CASCADE')


def downgrade():
    op.drop_constraint(op.f('messages_user_id_fkey'), 'messages', type_='foreignkey')
    op.restore_orphans('messages', 'users', ['user_id'], ['id'], revision=revision)
