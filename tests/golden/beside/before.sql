-- The quarantine beside the version table; a cycle of two tables, and a table that refers to itself.
CREATE TABLE people (id int PRIMARY KEY, boss int, home int);
CREATE TABLE homes (id int PRIMARY KEY, owner int REFERENCES people ON DELETE CASCADE);
INSERT INTO people VALUES (1, NULL, 1), (2, 1, 2), (3, 9, 1), (4, 3, 2), (5, 4, 7);
INSERT INTO homes VALUES (1, 1), (2, 3);
