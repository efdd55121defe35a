#!/bin/sh
# Completes the root file system in $1: what the workloads expect beside the
# packages. mmdebstrap runs it as root, after the last package is configured.
set -eu
root=$1

# An ordinary user, with a password for su and none for sudo.
chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 alice
echo alice:pw | chroot "$root" chpasswd
echo 'alice ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/alice"
chmod 0440 "$root/etc/sudoers.d/alice"

# Root may log in as alice over ssh.
chroot "$root" ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
chroot "$root" install -d -o alice -g alice -m 0700 /home/alice/.ssh
chroot "$root" install -o alice -g alice -m 0600 /root/.ssh/id_ed25519.pub /home/alice/.ssh/authorized_keys

# A data directory that a server's own user owns, as an image's VOLUME is.
chroot "$root" install -d -o redis -g redis /data

# Where the packages came from is nobody's business in the image, and neither
# are the logs of their installation.
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* \
	"$root"/etc/apt/apt.conf.d/99mmdebstrap \
	"$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/*.log "$root"/var/log/apt
