#!/bin/sh
set -e
if [ "$1" = haproxy ]; then
	shift
	# A master that starts workers anew, in the foreground.
	set -- haproxy -W -db "$@"
fi
exec "$@"
