#!/bin/sh
# Starts a program on a machine of its own: run by `unshare --mount --uts --net`, so that what rows change is gone with it.
# $1 is "systemd" or "scripts", what manages services there, $2 are directories that are copies besides the usual ones; the rest is
# the program.
set -e
here=$(dirname "$0")
manager=$1
directories=$2
shift 2

mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
# shellcheck disable=SC2086 # words of their own
for directory in $directories /etc /var/lib/dpkg/alternatives /var/spool; do
    # One that is within another one is a copy with that.
    if [ ! -d "$directory" ] || [ -e "/mnt$directory" ]; then continue; fi
    mkdir -p "/mnt$directory"
    cp -a "$directory/." "/mnt$directory"
    mount --bind "/mnt$directory" "$directory"
done
mount -t tmpfs tmpfs /run
mkdir /run/lock
ip link set lo up
hostname first-name
echo first-name > /etc/hostname

# Units of the stand-in for systemctl: NAME ACTIVE ENABLED LOAD
if [ "$manager" = systemd ]; then
    mkdir -p /run/systemd/system /run/units
    while read -r name active enabled load; do
        mkdir "/run/units/$name"
        echo "$active" > "/run/units/$name/active"
        echo "$enabled" > "/run/units/$name/enabled"
        echo "$load" > "/run/units/$name/load"
    done << UNITS
web.service active enabled loaded
db.service inactive disabled loaded
broken.service failed disabled loaded
plain.service inactive static loaded
hidden.service inactive masked masked
gone.service inactive - not-found
going.service deactivating enabled loaded
coming.service activating enabled loaded
timer@.service - disabled -
timer@1.service active disabled loaded
other.service inactive indirect loaded
UNITS
fi

# Debian's rpm keeps its database in the home of its user.
mkdir -p /etc/rpm
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros

install -m 755 "$here/webd" /etc/init.d/webd
mount -t tmpfs tmpfs /var/log

PATH=$here/bin:$PATH
export PATH
exec "$@"
