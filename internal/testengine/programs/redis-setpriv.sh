# The same by setpriv(1), on a data directory that is made and given away first.
set -e
mkdir /srv/redis
chown redis:redis /srv/redis
setpriv --reuid redis --regid redis --init-groups \
	redis-server --save '' --bind 127.0.0.1 --dir /srv/redis &
until redis-cli ping 2>/dev/null | grep -q PONG; do
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
redis-cli set a b | grep -q OK
redis-cli save | grep -q OK
ps -o user= -C redis-server | grep -q redis
