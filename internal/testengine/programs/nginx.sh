# nginx as Debian ships it: the master starts as root, the workers are www-data,
# and the logs belong to www-data's group.
set -e
nginx -g 'daemon off;' &
until curl -fsS --max-time 2 http://127.0.0.1/ >/dev/null 2>/tmp/curl; do
	grep -q 'timed out' /tmp/curl && exit 1 # it listens and nobody answers
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
ps -o user= -C nginx | grep -q www-data
