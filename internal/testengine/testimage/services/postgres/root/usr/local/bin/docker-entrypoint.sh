#!/bin/bash
# Makes and hands over the data directory as root, then, as the server's user,
# fills it at the first start and runs the server.
set -e
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chmod 00700 "$PGDATA" || :
	mkdir -p /var/run/postgresql || :
	chmod 03775 /var/run/postgresql || :
	find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
	find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	exec gosu postgres "$BASH_SOURCE" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
	initdb --username=postgres --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
		--auth-host=scram-sha-256 --auth-local=trust >/dev/null
	printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
	pg_ctl -D "$PGDATA" -w start -o "-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql"
	psql -h /var/run/postgresql -U postgres -qc 'create table boots(at timestamptz)'
	pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
