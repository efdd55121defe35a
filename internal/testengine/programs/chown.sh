touch /tmp/f && chown alice:alice /tmp/f
