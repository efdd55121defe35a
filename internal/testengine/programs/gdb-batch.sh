gdb -q -batch -ex run -ex bt /bin/true 2>&1 | grep -q 'exited normally'
