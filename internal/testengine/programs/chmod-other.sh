chmod 700 /home/alice/.bashrc
