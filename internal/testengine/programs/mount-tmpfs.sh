mount -t tmpfs none /mnt && umount /mnt
