-- The roles that Shuke's services play, for a server where the user that Shuke logs in as may not
-- create roles. (A user with CREATEROLE does not need this file: `shuke migrate` makes them.)
--
-- Run it by psql in Shuke's database, as a superuser or the owner of the roles, once and again when
-- a new version adds a service; what is there stays as it is. `login` is the user of DATABASE_URL:
--
--   psql "postgresql://postgres@db.example/shuke" -v login=shuke -f deploy/postgres/roles.sql
--
-- No role can log in or owns anything, save `shuke_log`: it owns the schema of the event log, which
-- is there only where no Kafka is used.

\set ON_ERROR_STOP on
\if :{?login}
\else
  \set login shuke
\endif

select format('create role %I nologin', role)
  from unnest(array[
         'shuke_gateway', 'shuke_members', 'shuke_points', 'shuke_campaigns', 'shuke_analytics',
         'shuke_log'
       ]) as role
 where not exists (select from pg_roles where rolname = role)
\gexec

grant shuke_gateway, shuke_members, shuke_points, shuke_campaigns, shuke_analytics, shuke_log
   to :"login";

-- Every service has a schema of its own; migrations make them.
grant connect, create on database :"DBNAME" to :"login";
