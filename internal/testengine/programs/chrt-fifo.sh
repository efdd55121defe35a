chrt -f 1 true
