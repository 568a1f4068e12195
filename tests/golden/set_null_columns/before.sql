-- A composite key of which ON DELETE SET NULL clears one column; an enum and a generated column beside it.
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE orders (tenant int, number int, PRIMARY KEY (tenant, number));
CREATE TABLE lines (
    id int PRIMARY KEY, tenant int NOT NULL, order_number int, mood mood, twice int GENERATED ALWAYS AS (order_number * 2) STORED);
INSERT INTO orders VALUES (1, 1), (2, 1);
INSERT INTO lines (id, tenant, order_number, mood) VALUES (1, 1, 1, 'good'), (2, 1, 2, 'bad'), (3, 2, 1, NULL), (4, 3, 1, 'good');
