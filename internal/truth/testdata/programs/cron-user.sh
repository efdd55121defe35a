set -e
printf 'SHELL=/bin/sh\n* * * * * alice id -un > /tmp/cron.out\n' >/etc/cron.d/t
chmod 644 /etc/cron.d/t
cron -f &
# It starts its work at a full minute.
for _ in $(seq 70); do
	[ -s /tmp/cron.out ] && break
	jobs -r | grep -q . || exit 1
	sleep 1
done
grep -q alice /tmp/cron.out
