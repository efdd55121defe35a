set -e
export MARIADB_ROOT_PASSWORD=x
rm -rf /var/lib/mysql/*
/opt/entrypoints/mariadb.sh mariadbd --datadir=/var/lib/mysql --bind-address=127.0.0.1 >/tmp/my.log 2>&1 &
until mariadb -h127.0.0.1 -uroot -px -e 'select 1' >/dev/null 2>&1; do
	jobs -r | grep -q . || exit 1
	sleep 0.2
done
mariadb -h127.0.0.1 -uroot -px -e 'create database d; create table d.t(a int); insert into d.t values(1)'
