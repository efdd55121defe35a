#!/bin/sh
# Completes the root file system in $1, which the images of all services share: what
# their official images change of the packages. mmdebstrap runs it as root, after the
# last package is configured. A Dockerfile each does the rest.
set -eu
root=$1

# Logs go to the engine, as in the images of nginx and of PHP's apache.
for log in nginx/access.log apache2/access.log apache2/other_vhosts_access.log; do
	ln -sfT /dev/stdout "$root/var/log/$log"
done
for log in nginx/error.log apache2/error.log; do
	ln -sfT /dev/stderr "$root/var/log/$log"
done
echo 'ServerName localhost' >"$root/etc/apache2/conf-available/name.conf"
chroot "$root" a2enconf -q name

# Data directories as their VOLUMEs have them: the server's own.
chroot "$root" install -d -o redis -g redis /data
rm -rf "$root"/var/lib/mysql "$root"/var/lib/postgresql/*
chroot "$root" install -d -o mysql -g mysql -m 1777 /var/lib/mysql
chroot "$root" install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
# So are those of their sockets.
rm -rf "$root"/run/*
mkdir -m 1777 "$root/run/lock"
chroot "$root" install -d -o mysql -g mysql -m 1777 /run/mysqld
chroot "$root" install -d -o postgres -g postgres -m 3775 /run/postgresql
# Both listen on all addresses.
sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" "$root/usr/share/postgresql/15/postgresql.conf.sample"
sed -i '/^bind-address/d' "$root/etc/mysql/mariadb.conf.d/50-server.cnf"
# PostgreSQL's programs are on no path in Debian.
ln -s /usr/lib/postgresql/15/bin/* "$root/usr/local/bin/"

chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 alice
chroot "$root" useradd --create-home --uid 1001 node
# The keys of the machine are made at its first start, not in the image.
rm -f "$root"/etc/ssh/ssh_host_*
mkdir -p "$root/run/sshd"

# Where the packages came from is nobody's business in the image, and neither
# are the logs of their installation.
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* \
	"$root"/etc/apt/apt.conf.d/99mmdebstrap \
	"$root"/var/lib/apt/lists/* "$root"/var/cache/apt "$root"/var/log/apt "$root"/var/log/*.log
