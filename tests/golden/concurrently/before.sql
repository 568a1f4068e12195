-- Every change of a key in its concurrent form: another rule, a new key over orphans with its index, another parent,
-- another column of the same parent, a key that was NOT VALID, and one that goes.
CREATE TABLE users (id int PRIMARY KEY, code int UNIQUE);
CREATE TABLE people (id int PRIMARY KEY);
CREATE TABLE posts (id int PRIMARY KEY, user_id int CONSTRAINT posts_user_id_fkey REFERENCES users, editor_id int);
CREATE TABLE likes (id int PRIMARY KEY, post_id int CONSTRAINT likes_post_id_fkey REFERENCES posts ON DELETE CASCADE);
CREATE TABLE notes (id int PRIMARY KEY, user_id int CONSTRAINT notes_user_id_fkey REFERENCES users ON DELETE CASCADE);
CREATE TABLE marks (id int PRIMARY KEY, user_code int CONSTRAINT marks_user_code_fkey REFERENCES users ON DELETE SET NULL);
CREATE TABLE tags (id int PRIMARY KEY, post_id int, note_id int CONSTRAINT tags_note_id_fkey REFERENCES notes);
INSERT INTO users VALUES (1, 101), (2, 102), (3, NULL);
INSERT INTO people VALUES (1), (2);
INSERT INTO posts VALUES (1, 1, 2), (2, 2, 9), (3, NULL, NULL);
INSERT INTO likes VALUES (1, 1), (2, 2);
INSERT INTO notes VALUES (1, 1), (2, 3), (3, 2);
INSERT INTO marks VALUES (1, 1), (2, 2), (3, NULL);
INSERT INTO tags VALUES (1, 1, 1), (2, 7, 2);
ALTER TABLE tags ADD CONSTRAINT tags_post_id_fkey FOREIGN KEY (post_id) REFERENCES posts ON DELETE SET NULL NOT VALID;
