"""change"""

from alembic import op
import sqlalchemy as sa


revision = 'golden_set_null_columns'
down_revision = None


def upgrade():
    # lines.(tenant, order_number) -> orders.(tenant, number): orphans get NULL in order_number, as by
    # ON DELETE SET NULL (order_number); old values go into the quarantine
    op.clean_orphans(
        'lines', 'orders', ['tenant', 'order_number'], ['tenant', 'number'],
        strategy='set_null', revision=revision, columns=['order_number'],
    )
    op.create_foreign_key('lines_order', 'lines', 'orders', ['tenant', 'order_number'], ['tenant', 'number'], ondelete='SET NULL (order_number)')


def downgrade():
    op.drop_constraint('lines_order', 'lines', type_='foreignkey')
    op.restore_orphans(
        'lines', 'orders', ['tenant', 'order_number'], ['tenant', 'number'],
        revision=revision,
    )
