-- Called where PostgreSQL looks at what was put off: at COMMIT, which it refuses, and by SET CONSTRAINTS, where it puts
-- itself off again. At COMMIT, that comes to no end; and a function can't commit within a transaction.
CREATE OR REPLACE FUNCTION pg_temp.cascade_rehearsal_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $cascade$
DECLARE
    context text;
    statement text := pg_catalog.statement_timestamp()::text;
    seen text[] := pg_catalog.string_to_array(pg_catalog.current_setting('alembic_cascade.rehearsal', true), '|');
    times integer := 0;
BEGIN
    GET DIAGNOSTICS context = PG_CONTEXT;
    IF pg_catalog.strpos(context, E'\n') = 0 THEN
        times := 1 + CASE WHEN seen[1] = statement THEN seen[2]::integer ELSE 0 END;
        -- No statement of a client has as many SET CONSTRAINTS.
        IF times > 100 THEN
            RAISE EXCEPTION 'alembic_cascade rehearses, and nothing is committed';
        END IF;
        PERFORM pg_catalog.set_config('alembic_cascade.rehearsal', statement || '|' || times, true);
    END IF;
    SET CONSTRAINTS pg_temp.cascade_rehearsal_guard DEFERRED;
    INSERT INTO pg_temp.cascade_rehearsal_guard DEFAULT VALUES;
    RETURN NULL;
END
$cascade$;
