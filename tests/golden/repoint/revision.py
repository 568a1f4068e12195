"""change"""

from alembic import op
import sqlalchemy as sa


revision = 'golden_repoint'
down_revision = None


def upgrade():
    op.drop_constraint(op.f('imports_flow_fkey'), 'imports', type_='foreignkey')
    # imports.flow -> flows.flow_id: orphans go into the quarantine, as ON DELETE CASCADE would delete
    # them
    op.clean_orphans(
        'imports', 'flows', ['flow'], ['id'],
        strategy='quarantine', revision=revision, to_cols=['flow_id'],
    )
    op.translate_references('imports', 'flows', ['flow'], from_cols=['id'], to_cols=['flow_id'])
    op.create_foreign_key(op.f('imports_flow_fkey'), 'imports', 'flows', ['flow'], ['flow_id'], ondelete='CASCADE')


def downgrade():
    op.drop_constraint(op.f('imports_flow_fkey'), 'imports', type_='foreignkey')
    op.translate_references('imports', 'flows', ['flow'], from_cols=['flow_id'], to_cols=['id'])
    op.restore_orphans('imports', 'flows', ['flow'], ['id'], revision=revision)
    op.create_foreign_key(op.f('imports_flow_fkey'), 'imports', 'flows', ['flow'], ['id'], postgresql_not_valid=True)
