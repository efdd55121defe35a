set -e
printf 'module(load="imuxsock")\n*.* /tmp/sys.log\n' >/tmp/rs.conf
rsyslogd -n -f /tmp/rs.conf -i /tmp/rs.pid &
until logger -u /dev/log hello 2>/dev/null && grep -q hello /tmp/sys.log 2>/dev/null; do
	jobs -r | grep -q . || exit 1
	sleep 0.1
done
