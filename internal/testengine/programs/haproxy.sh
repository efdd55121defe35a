set -e
mkdir -p /run/haproxy /var/lib/haproxy
cat >/tmp/h.cfg <<X
global
  chroot /var/lib/haproxy
  user haproxy
  group haproxy
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend f
  bind 127.0.0.1:80
  http-request return status 200 content-type text/plain string ok
X
haproxy -db -f /tmp/h.cfg &
until curl -fsS --max-time 2 http://127.0.0.1/ 2>/dev/null | grep -q ok; do
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
ps -o user= -C haproxy | grep -q haproxy
