# redis started as root by an entrypoint that changes user, as an official image
# does it: the data directory belongs to the user already.
set -e
cat >/tmp/entrypoint.sh <<'X'
#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec gosu redis "$0" "$@"
fi
exec "$@"
X
chmod 755 /tmp/entrypoint.sh
cd /data
/tmp/entrypoint.sh redis-server --save '' --bind 127.0.0.1 --dir /data &
until redis-cli ping 2>/dev/null | grep -q PONG; do
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
redis-cli set a b | grep -q OK
redis-cli save | grep -q OK
ps -o user= -C redis-server | grep -q redis
