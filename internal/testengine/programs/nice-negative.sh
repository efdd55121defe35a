# nice(1) warns and goes on, so the warning is what tells.
nice -n -5 true 2>/tmp/e; ! grep -q . /tmp/e
