unshare -Ur true
