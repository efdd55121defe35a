tar -C / -cf /tmp/a.tar home/alice && mkdir /tmp/x && tar -C /tmp/x -xpf /tmp/a.tar &&
	[ "$(stat -c %U /tmp/x/home/alice)" = alice ]
