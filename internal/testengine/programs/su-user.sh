su alice -c 'id -un' | grep -q alice
