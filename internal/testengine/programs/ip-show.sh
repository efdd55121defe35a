ip addr show >/dev/null && ip route show >/dev/null
