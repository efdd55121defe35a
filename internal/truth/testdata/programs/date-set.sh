date -s "$(date -R)"
