set -e
export PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/pg/data POSTGRES_PASSWORD=x PGPASSWORD=x
/opt/entrypoints/postgres.sh postgres -c unix_socket_directories=/var/run/postgresql >/tmp/pg.log 2>&1 &
until psql -h 127.0.0.1 -U postgres -c 'select 1' >/dev/null 2>&1; do
	jobs -r | grep -q . || exit 1
	sleep 0.2
done
psql -h 127.0.0.1 -U postgres -c 'create table if not exists t(a int); insert into t values(1); select * from t' >/dev/null
