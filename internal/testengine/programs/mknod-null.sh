mknod /tmp/n c 1 3
