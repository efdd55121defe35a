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
	pg_ctl -D "$PGDATA" -w start -o "-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql"
	for script in /docker-entrypoint-initdb.d/*.sql; do
		[ -e "$script" ] && psql -h /var/run/postgresql -U postgres -f "$script"
	done
	pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
