#!/bin/sh
# Makes the machine's keys at the first start, and lets in whoever has $PUBLIC_KEY.
set -e
ssh-keygen -A >/dev/null
mkdir -p /home/alice/.ssh
echo "$PUBLIC_KEY" >/home/alice/.ssh/authorized_keys
chown -R alice:alice /home/alice/.ssh
chmod 700 /home/alice/.ssh
exec "$@"
