#!/bin/sh
# The first start of compose.yaml's PostgreSQL: Shuke's login, who is no superuser and may make no
# roles, the roles of the services, and the database's owner.
set -eu

psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
\set password `cat /var/lib/shuke/database/login`
create role shuke login password :'password';
alter database :"DBNAME" owner to shuke;
\i /etc/shuke/roles.sql
SQL
