# @reboot jobs run when cron starts, so that nobody waits for a full minute. A
# job that cannot change its user ends without a word: hence the limit.
set -e
printf 'SHELL=/bin/sh\n@reboot alice id -un > /tmp/cron.out\n' >/etc/cron.d/t
chmod 644 /etc/cron.d/t
cron -f &
for _ in $(seq 60); do
	[ -s /tmp/cron.out ] && break
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
grep -q alice /tmp/cron.out
