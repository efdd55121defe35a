# The ping is a copy: it has no file capabilities and uses a ping socket.
set -e
cp /usr/bin/ping /tmp/ping
coproc exec tcpdump -Z root -n -i lo -c 1 icmp 2>&1
while read -r line <&"${COPROC[0]}"; do
	case $line in
	*'listening on'*) /tmp/ping -c 1 127.0.0.1 >/dev/null ;;
	*'1 packet captured'*) exit 0 ;;
	esac
done
exit 1
