"""change"""

from alembic import op
import sqlalchemy as sa


revision = 'golden_not_valid'
down_revision = None


def upgrade():
    # posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
    op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
        ondelete='CASCADE', not_valid=False, existing_ondelete=None, existing_not_valid=True,
    )


def downgrade():
    op.drop_constraint(op.f('posts_user_id_fkey'), 'posts', type_='foreignkey')
    op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision)
    op.add_foreign_key(
        'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
        not_valid=True, comment='since 2020',
    )
