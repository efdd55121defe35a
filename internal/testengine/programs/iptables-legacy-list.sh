iptables-legacy -L -n >/dev/null
