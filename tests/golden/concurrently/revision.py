"""change"""

from alembic import op
import sqlalchemy as sa


revision = 'golden_concurrently'
down_revision = None


def upgrade():
    op.begin_concurrently(revision)
    with op.get_context().autocommit_block():
        op.add_foreign_key_index('ix_posts_user_id', 'posts', ['user_id'], revision=revision)
        op.add_foreign_key_index('ix_posts_editor_id', 'posts', ['editor_id'], revision=revision)
        op.add_foreign_key_index('ix_marks_user_code', 'marks', ['user_code'], revision=revision)
        op.add_foreign_key_index('ix_notes_user_id', 'notes', ['user_id'], revision=revision)
        op.add_foreign_key_index('ix_tags_post_id', 'tags', ['post_id'], revision=revision)
        # posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
        op.clean_orphans(
            'posts', 'users', ['user_id'], ['id'],
            strategy='quarantine', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
            ondelete='CASCADE', existing_ondelete=None, concurrently=True,
        )
        op.drop_foreign_key('tags_note_id_fkey', 'tags', 'notes', ['note_id'], ['id'], concurrently=True)
        # posts.editor_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete
        # them
        op.clean_orphans(
            'posts', 'users', ['editor_id'], ['id'],
            strategy='quarantine', revision=revision, check_only=True, concurrently=True,
        )
        op.add_foreign_key(
            'posts_editor_id_fkey', 'posts', 'users', ['editor_id'], ['id'],
            ondelete='CASCADE', not_valid=True, concurrently=True,
        )
        op.clean_orphans(
            'posts', 'users', ['editor_id'], ['id'],
            strategy='quarantine', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'posts_editor_id_fkey', 'posts', 'users', ['editor_id'], ['id'],
            ondelete='CASCADE', not_valid=False, existing_not_valid=True, concurrently=True,
        )
        # marks.user_code -> users.code: orphans get NULL in user_code, as by ON DELETE SET NULL; old values
        # go into the quarantine
        op.clean_orphans(
            'marks', 'users', ['user_code'], ['id'],
            strategy='set_null', revision=revision, to_cols=['code'], check_only=True, concurrently=True,
        )
        op.alter_foreign_key(
            'marks_user_code_fkey', 'marks', 'users', ['user_code'], ['code'],
            ondelete='SET NULL', not_valid=True,
            existing_remote_cols=['id'], existing_not_valid=False, translate=True, concurrently=True,
        )
        op.clean_orphans(
            'marks', 'users', ['user_code'], ['code'],
            strategy='set_null', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'marks_user_code_fkey', 'marks', 'users', ['user_code'], ['code'],
            ondelete='SET NULL', not_valid=False, existing_not_valid=True, concurrently=True,
        )
        # notes.user_id -> people.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
        op.clean_orphans(
            'notes', 'people', ['user_id'], ['id'],
            strategy='quarantine', revision=revision, check_only=True, concurrently=True,
        )
        op.add_foreign_key(
            'notes_user_id_fkey_beside', 'notes', 'people', ['user_id'], ['id'],
            ondelete='CASCADE', not_valid=True, concurrently=True,
        )
        op.clean_orphans(
            'notes', 'people', ['user_id'], ['id'],
            strategy='quarantine', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'notes_user_id_fkey', 'notes', 'people', ['user_id'], ['id'],
            ondelete='CASCADE', existing_referent_table='users', concurrently=True,
        )
        # tags.post_id -> posts.id: orphans get NULL in post_id, as by ON DELETE SET NULL; old values go
        # into the quarantine
        op.clean_orphans(
            'tags', 'posts', ['post_id'], ['id'],
            strategy='set_null', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'tags_post_id_fkey', 'tags', 'posts', ['post_id'], ['id'],
            ondelete='SET NULL', not_valid=False, existing_not_valid=True, concurrently=True,
        )



def downgrade():
    op.begin_concurrently(down_revision)
    with op.get_context().autocommit_block():
        op.alter_foreign_key(
            'tags_post_id_fkey', 'tags', 'posts', ['post_id'], ['id'],
            ondelete='SET NULL', not_valid=True, existing_not_valid=False, concurrently=True,
        )
        op.restore_orphans('tags', 'posts', ['post_id'], ['id'], revision=revision, concurrently=True)
        # notes.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
        op.clean_orphans(
            'notes', 'users', ['user_id'], ['id'],
            strategy='quarantine', revision=revision, check_only=True, concurrently=True,
        )
        op.add_foreign_key(
            'notes_user_id_fkey_beside', 'notes', 'users', ['user_id'], ['id'],
            ondelete='CASCADE', not_valid=True, concurrently=True,
        )
        op.clean_orphans(
            'notes', 'users', ['user_id'], ['id'],
            strategy='quarantine', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'notes_user_id_fkey', 'notes', 'users', ['user_id'], ['id'],
            ondelete='CASCADE', existing_referent_table='people', concurrently=True,
        )
        op.restore_orphans('notes', 'people', ['user_id'], ['id'], revision=revision, concurrently=True)
        # marks.user_code -> users.id: orphans get NULL in user_code, as by ON DELETE SET NULL; old values
        # go into the quarantine
        op.clean_orphans(
            'marks', 'users', ['user_code'], ['code'],
            strategy='set_null', revision=revision, to_cols=['id'], check_only=True, concurrently=True,
        )
        op.alter_foreign_key(
            'marks_user_code_fkey', 'marks', 'users', ['user_code'], ['id'],
            ondelete='SET NULL', not_valid=True,
            existing_remote_cols=['code'], existing_not_valid=False, translate=True, concurrently=True,
        )
        op.clean_orphans(
            'marks', 'users', ['user_code'], ['id'],
            strategy='set_null', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'marks_user_code_fkey', 'marks', 'users', ['user_code'], ['id'],
            ondelete='SET NULL', not_valid=False, existing_not_valid=True, concurrently=True,
        )
        op.restore_orphans('marks', 'users', ['user_code'], ['code'], revision=revision, concurrently=True)
        op.drop_foreign_key(
            'posts_editor_id_fkey', 'posts', 'users', ['editor_id'], ['id'],
            concurrently=True,
        )
        op.restore_orphans('posts', 'users', ['editor_id'], ['id'], revision=revision, concurrently=True)
        # tags.note_id -> notes.id: orphans stop the migration, as ON DELETE NO ACTION would stop a delete
        op.clean_orphans(
            'tags', 'notes', ['note_id'], ['id'],
            strategy='fail', revision=revision, check_only=True, concurrently=True,
        )
        op.add_foreign_key(
            'tags_note_id_fkey', 'tags', 'notes', ['note_id'], ['id'],
            not_valid=True, concurrently=True,
        )
        op.clean_orphans(
            'tags', 'notes', ['note_id'], ['id'],
            strategy='fail', revision=revision, concurrently=True,
        )
        op.alter_foreign_key(
            'tags_note_id_fkey', 'tags', 'notes', ['note_id'], ['id'],
            not_valid=False, existing_not_valid=True, concurrently=True,
        )
        op.alter_foreign_key(
            'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
            ondelete=None, existing_ondelete='CASCADE', concurrently=True,
        )
        op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision, concurrently=True)
        op.drop_foreign_key_index('ix_tags_post_id', 'tags', ['post_id'], revision=revision)
        op.drop_foreign_key_index('ix_notes_user_id', 'notes', ['user_id'], revision=revision)
        op.drop_foreign_key_index('ix_marks_user_code', 'marks', ['user_code'], revision=revision)
        op.drop_foreign_key_index('ix_posts_editor_id', 'posts', ['editor_id'], revision=revision)
        op.drop_foreign_key_index('ix_posts_user_id', 'posts', ['user_id'], revision=revision)

