# A pair of interfaces, one of them up.
set -e
ip link add v0 type veth peer name v1
ip link set v0 up
