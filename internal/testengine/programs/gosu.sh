gosu alice id -un | grep -q alice
