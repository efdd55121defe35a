dmesg >/dev/null
