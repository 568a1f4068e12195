-- What all databases of a server share, but for the one that is rehearsed on: a copy leads there as well.
SELECT 'role ' || pg_catalog.quote_ident(rolname) AS name, pg_catalog.concat_ws(' ', rolsuper, rolinherit, rolcreaterole,
    rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil) AS said
FROM pg_catalog.pg_roles
UNION ALL
SELECT 'membership of ' || member::pg_catalog.regrole || ' in ' || roleid::pg_catalog.regrole,
    pg_catalog.string_agg(admin_option::text, ' ' ORDER BY grantor)
FROM pg_catalog.pg_auth_members GROUP BY member, roleid
UNION ALL
SELECT pg_catalog.concat_ws(' ', 'settings', 'of ' || nullif(setrole, 0)::pg_catalog.regrole,
    'in ' || pg_catalog.quote_ident(datname)), setconfig::text
FROM pg_catalog.pg_db_role_setting LEFT JOIN pg_catalog.pg_database ON pg_database.oid = setdatabase
WHERE datname IS DISTINCT FROM pg_catalog.current_database()
UNION ALL
SELECT 'database ' || pg_catalog.quote_ident(datname), pg_catalog.concat_ws(' ', datdba, datallowconn, datconnlimit,
    datacl::text)
FROM pg_catalog.pg_database WHERE datname <> pg_catalog.current_database()
UNION ALL
SELECT 'tablespace ' || pg_catalog.quote_ident(spcname), pg_catalog.concat_ws(' ', spcowner, spcacl::text, spcoptions::text)
FROM pg_catalog.pg_tablespace
