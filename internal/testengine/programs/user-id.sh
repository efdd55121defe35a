id -u | grep -qx 1000
