#!/bin/sh
set -e
chown -R node:node /srv/api/data
exec gosu node "$@"
