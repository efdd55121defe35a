#!/bin/bash
# Makes and hands over the data directory as root, then, as the server's user,
# fills it at the first start and runs the server.
set -e
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
if [ "$1" = mariadbd ] && [ "$(id -u)" = 0 ]; then
	mkdir -p "$data" /run/mysqld
	find "$data" /run/mysqld \! -user mysql -exec chown mysql: '{}' +
	exec gosu mysql "$BASH_SOURCE" "$@"
fi
if [ "$1" = mariadbd ] && [ ! -d "$data/mysql" ]; then
	mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal \
		--skip-test-db --skip-name-resolve >/dev/null
	"$@" --skip-networking --socket="$socket" &
	server=$!
	until mariadb --socket="$socket" -uroot -e 'select 1' >/dev/null 2>&1; do
		kill -0 "$server" || exit 1
		sleep 0.2
	done
	mariadb --socket="$socket" -uroot -e "alter user root@localhost identified by '$MARIADB_ROOT_PASSWORD';
		create user root@'%' identified by '$MARIADB_ROOT_PASSWORD'; grant all on *.* to root@'%'"
	kill "$server"
	wait "$server"
fi
exec "$@"
