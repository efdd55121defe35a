ps -ef >/dev/null
