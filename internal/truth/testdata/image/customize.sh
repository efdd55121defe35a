#!/bin/sh
# Completes the root file system in $1: what the workloads expect beside the
# packages. mmdebstrap runs it as root, after the last package is configured.
set -eu
root=$1
here=$(dirname "$0")

# An ordinary user, who may do everything by sudo.
chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 alice
echo alice:pw | chroot "$root" chpasswd
echo 'alice ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/alice"
chmod 0440 "$root/etc/sudoers.d/alice"

# Root may log in over ssh, as alice and as root.
chroot "$root" ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp "$root/root/.ssh/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
chroot "$root" install -d -o alice -g alice -m 0700 /home/alice/.ssh
chroot "$root" install -o alice -g alice -m 0600 /root/.ssh/id_ed25519.pub /home/alice/.ssh/authorized_keys

# Data directories as volumes have them: owned by the server's user, and one
# that a first start has filled.
chroot "$root" install -d -o redis -g redis /data
chroot "$root" install -d -o postgres -g postgres /pg
echo x >"$root/tmp/password"
chroot "$root" gosu postgres /usr/lib/postgresql/15/bin/initdb --pgdata=/pg/data --username=postgres \
	--pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust >/dev/null
rm "$root/tmp/password"
mkdir "$root/docker-entrypoint-initdb.d"

# The entrypoints that official images start such servers by.
mkdir -p "$root/opt/entrypoints"
for script in "$here"/entrypoints/*.sh; do
	install -m 0755 "$script" "$root/opt/entrypoints/"
done

# Where the packages came from is nobody's business in the image.
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* \
	"$root"/etc/apt/apt.conf.d/99mmdebstrap \
	"$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/*.log "$root"/var/log/apt
