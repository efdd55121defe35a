touch /tmp/pacct
accton /tmp/pacct && accton off
