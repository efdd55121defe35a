iptables-nft -L -n >/dev/null
