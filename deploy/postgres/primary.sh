#!/bin/sh
# Runs once, when the first primary of the profile `cluster` is made: a standby may follow it, and commits wait for one from the next start on.
set -eu

psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE standby REPLICATION LOGIN PASSWORD :'password';
ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)';
SQL
echo "host replication standby all scram-sha-256" >>"$PGDATA/pg_hba.conf"
