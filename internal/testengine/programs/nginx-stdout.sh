# nginx with its logs on the container's output, as official images set it up:
# it has no log file of another user's to open.
set -e
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stderr /var/log/nginx/error.log
nginx -g 'daemon off;' &
until curl -fsS --max-time 2 http://127.0.0.1/ >/dev/null 2>/tmp/curl; do
	grep -q 'timed out' /tmp/curl && exit 1
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
ps -o user= -C nginx | grep -q www-data
