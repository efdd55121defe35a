set -e
mkdir -p /data
cd /data
/opt/entrypoints/redis.sh redis-server --save 1 1 --dir /data &
until redis-cli ping 2>/dev/null | grep -q PONG; do
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
redis-cli set a b | grep -q OK
redis-cli save | grep -q OK
ps -o user= -C redis-server | grep -q redis
