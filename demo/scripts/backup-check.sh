#!/bin/sh
# Looks whether last night's backup is there. In the demo it is missing on db2, so exactly one host fails.
name=${OPSC_DEMO_HOST:-$(uname -n)}
echo "Looking for last night's backup of $name ..."
sleep 1
if [ "$name" = db2 ]; then
    echo "repository  /srv/backup/$name"
    printf '\033[33mnewest snapshot is 3 days old\033[0m\n'
    printf '\033[31mE: no snapshot from the last 24 hours: the disk of the backup host was full\033[0m\n' >&2
    exit 3
fi
echo "repository  /srv/backup/$name"
printf 'newest snapshot from 02:14, 1,204 files, \033[32mverified\033[0m\n'
