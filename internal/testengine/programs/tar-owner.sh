# tar packs another user's home directory and unpacks it with its owners.
set -e
tar -C / -cf /tmp/a.tar home/alice
mkdir /tmp/x
tar -C /tmp/x -xpf /tmp/a.tar
[ "$(stat -c %U /tmp/x/home/alice)" = alice ]
