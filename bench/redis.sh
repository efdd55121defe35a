# Starts a server and prints the GET requests a second that redis-benchmark ($1 of
# them) has answered on the loopback interface.
set -eu
redis-server --save '' --bind 127.0.0.1 --logfile /dev/null &
until redis-cli ping 2>/dev/null | grep -q PONG; do :; done
redis-benchmark -t get -n "$1" -c 50 --csv | sed -n 's/^"GET","\([0-9.]*\)".*/\1/p'
redis-cli shutdown nosave
wait
