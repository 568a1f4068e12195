-- Messages of users that are gone, reactions to such messages (CASCADE), replies to them (SET NULL).
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE messages (id int PRIMARY KEY, user_id int, reply_to int REFERENCES messages ON DELETE SET NULL, body jsonb);
CREATE TABLE reactions (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id int NOT NULL REFERENCES messages ON DELETE CASCADE, at timestamptz);
CREATE TABLE flags (reaction_id int REFERENCES reactions ON DELETE CASCADE, note text);
INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO messages VALUES (1, 1, NULL, '{"a": [1, null]}'), (2, 7, 1, '"x"'), (3, 2, 2, 'null'), (4, 8, 2, NULL), (5, NULL, 4, '{}');
INSERT INTO reactions (message_id, at) SELECT 1 + number % 5, timestamptz '2024-01-01 00:00:00.123456+00' + number * interval '1 day'
    FROM generate_series(1, 10) AS number;
INSERT INTO flags VALUES (1, 'a'), (1, 'a'), (2, NULL), (6, 'b');
