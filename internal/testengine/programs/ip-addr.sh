# An address on the loopback interface.
set -e
ip addr add 10.9.9.9/32 dev lo
ip addr show lo | grep -q 10.9.9.9
