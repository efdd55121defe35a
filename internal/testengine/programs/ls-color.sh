ls -la --color=always / /usr/bin /etc >/dev/null
