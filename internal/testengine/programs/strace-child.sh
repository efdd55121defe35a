strace -o /tmp/t -e trace=execve true && grep -q execve /tmp/t
