echo x >>/home/alice/.bashrc
