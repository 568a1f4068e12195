-- From the parent's id to its business key: what has no parent goes, the rest is translated.
CREATE TABLE flows (id int PRIMARY KEY, flow_id int UNIQUE);
CREATE TABLE imports (id int PRIMARY KEY, flow int);
INSERT INTO flows VALUES (1, 101), (2, 102), (3, NULL);
INSERT INTO imports VALUES (1, 1), (2, 2), (3, 3), (4, 101), (5, NULL);
ALTER TABLE imports ADD CONSTRAINT imports_flow_fkey FOREIGN KEY (flow) REFERENCES flows NOT VALID;
