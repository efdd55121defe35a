iptables-nft -A INPUT -p tcp --dport 9 -j DROP
