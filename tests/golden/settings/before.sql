-- Every setting that is not the default stands in the text; an optional table is not there; names of all kinds.
CREATE SCHEMA "Äußere %s";
CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE "Äußere %s"."order" (id int PRIMARY KEY, "user:id" int, "by ""hand""" int DEFAULT 1);
INSERT INTO users VALUES (1);
INSERT INTO "Äußere %s"."order" VALUES (1, 1, 9), (2, 9, 1), (3, NULL, NULL);
