-- A key that holds for new rows only becomes valid, and back.
CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE posts (id int PRIMARY KEY, user_id int);
INSERT INTO users VALUES (1);
INSERT INTO posts VALUES (1, 1), (2, 2), (3, NULL);
ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users NOT VALID;
COMMENT ON CONSTRAINT posts_user_id_fkey ON posts IS 'since 2020';
