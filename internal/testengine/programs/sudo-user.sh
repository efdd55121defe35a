sudo -n -u alice id -un | grep -q alice
