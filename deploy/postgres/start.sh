#!/bin/sh
# Starts a PostgreSQL of the profile `cluster`. With FOLLOWS, a server without data begins as a copy of the server of that name and follows
# it; without FOLLOWS it begins as a new primary. A server that has data goes on with what it is.
set -eu

if [ -n "${FOLLOWS:-}" ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  # The copy belongs to the user that the server runs as, whose folder it makes for itself alone.
  if [ "$(id -u)" -eq 0 ]; then
    mkdir -p "$PGDATA"
    chown postgres: "$PGDATA"
    exec gosu postgres sh "$0" "$@"
  fi
  # -R writes whom it follows; the primary may not be there yet.
  until pg_basebackup -R -c fast -D "$PGDATA" \
    -d "host=$FOLLOWS port=${FOLLOWS_PORT:-5432} user=standby password=$POSTGRES_PASSWORD application_name=standby"; do
    find "$PGDATA" -mindepth 1 -delete
    sleep 1
  done
  chmod 0700 "$PGDATA"
fi

exec docker-entrypoint.sh postgres "$@"
