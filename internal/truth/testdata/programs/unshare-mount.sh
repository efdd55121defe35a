unshare -m true
