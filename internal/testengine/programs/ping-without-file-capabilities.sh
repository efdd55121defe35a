cp /usr/bin/ping /tmp/ping && /tmp/ping -c1 -W1 127.0.0.1 >/dev/null
