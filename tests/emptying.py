"""One database for test after test: emptied where that can be done in full, else made anew.

CREATE DATABASE copies a thousand files; most tests leave some tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from pytest_postgresql.janitor import DatabaseJanitor

# What is of the server, and would stay: settings, rights, another owner, transactions in two phases, replication.
_OF_THE_SERVER = """
SELECT (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = database.oid)
    + (SELECT count(*) FROM pg_prepared_xacts WHERE database = datname)
    + (SELECT count(*) FROM pg_replication_slots WHERE database = datname)
    + (SELECT count(*) FROM pg_subscription WHERE subdbid = database.oid),
    datdba, datacl, datconnlimit, datallowconn
FROM pg_database AS database WHERE datname = %s
"""
_END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)

# All that was made since initdb goes, whatever depends on it: https://www.postgresql.org/docs/current/system-catalog-initial-data.html
_EMPTY = """
DO $$
DECLARE
    made record;
BEGIN
    SET LOCAL client_min_messages = 'warning';
    SET LOCAL search_path = pg_catalog;
    FOR made IN SELECT evtname AS name FROM pg_event_trigger LOOP
        EXECUTE format('DROP EVENT TRIGGER %I', made.name);
    END LOOP;
    FOR made IN SELECT pubname AS name FROM pg_publication LOOP
        EXECUTE format('DROP PUBLICATION %I', made.name);
    END LOOP;
    FOR made IN SELECT extname AS name FROM pg_extension WHERE oid >= 16384 LOOP
        EXECUTE format('DROP EXTENSION %I CASCADE', made.name);
    END LOOP;
    FOR made IN SELECT nspname AS name FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', made.name);
    END LOOP;
    LOOP
        SELECT described.* INTO made FROM pg_depend, pg_identify_object(classid, objid, objsubid) AS described
        WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'public'::regnamespace AND deptype = 'n' LIMIT 1;
        EXIT WHEN NOT FOUND;
        EXECUTE format('DROP %s %s CASCADE', replace(made.type, 'composite type', 'type'), made.identity);
    END LOOP;
END $$
"""
# How much there is of what initdb does not make, in each catalogue that counts by OIDs, and rights that were changed.
_COUNT = """
DO $$
DECLARE
    catalogue name;
    more int;
    total int := 0;
BEGIN
    FOR catalogue IN
        SELECT relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_attribute ON attrelid = pg_class.oid AND attname = 'oid'
        WHERE relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND relkind = 'r' AND NOT relisshared
    LOOP
        EXECUTE pg_catalog.format('SELECT count(*) FROM pg_catalog.%I WHERE oid >= 16384 %s', catalogue,
            CASE catalogue WHEN 'pg_namespace' THEN $sql$AND nspname !~ '^pg_(toast_)?temp_'$sql$ END) INTO more;
        total := total + more;
    END LOOP;
    PERFORM pg_catalog.set_config('cascade.left', total::text, false);
END $$
"""
_LEFT = """
SELECT current_setting('cascade.left'), (SELECT nspacl::text || nspowner FROM pg_namespace WHERE nspname = 'public'),
    (SELECT count(*) FROM pg_class WHERE relacl IS NOT NULL), (SELECT count(*) FROM pg_proc WHERE proacl IS NOT NULL)
"""


class TestDatabase:
    """The database of a process of tests."""

    __test__ = False

    def __init__(self, janitor: DatabaseJanitor) -> None:
        self._janitor = janitor
        janitor.drop()
        self._server = self._connect("postgres")
        self._server.autocommit = True
        self._make()

    def clear(self) -> None:
        """Make it as good as new."""
        if self._is_as_made() and self._is_empty():
            return
        self._janitor.drop()
        self._make()

    def end(self) -> None:
        """Drop it for good."""
        self._server.close()
        self._janitor.drop()

    def _make(self) -> None:
        self._janitor.init()
        self._made = self._of_the_server()
        with self._connect(self._janitor.dbname) as connection:
            self._fresh = self._left(connection)

    def _is_as_made(self) -> bool:
        return self._of_the_server() == self._made

    def _is_empty(self) -> bool:
        """Drop what there is, and look whether it was all."""
        try:
            with self._connect(self._janitor.dbname) as connection:
                connection.execute(_EMPTY)
                return self._left(connection) == self._fresh
        except psycopg.Error:
            # Whatever a test did that nobody thought of.
            return False

    @staticmethod
    def _left(connection: psycopg.Connection[tuple[object, ...]]) -> object:
        connection.execute(_COUNT)
        return connection.execute(_LEFT).fetchone()

    def _of_the_server(self) -> object:
        name = self._janitor.dbname
        self._server.execute(_END_OTHERS, (name,))
        return self._server.execute(_OF_THE_SERVER, (name,)).fetchone()

    def _connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        janitor = self._janitor
        return psycopg.connect(
            host=janitor.host, port=janitor.port, user=janitor.user, password=janitor.password, dbname=name
        )
