# The lab's PID 1: sh -euc THIS lab FOLDER NAME ROOT HOSTNAME DAEMON…
folder=$1 name=$2 root=$3
hostname "$4"
shift 4
exec 3<&0

# Another release's programs and settings. Labs share them, so that nobody may write there.
if [ -n "$root" ]; then
  for part in etc usr; do
    mount --bind "$root/$part" "/$part"
    mount -o remount,bind,ro "/$part"
  done
  # Docker 20.10 makes itself a key there.
  mount -t tmpfs tmpfs /etc/docker
fi

# Sockets, locks and network namespaces of the machine's own daemons are out of sight.
mount -t tmpfs tmpfs /run

# /sys shows the interfaces of the network namespace that mounted it; the cgroups move over.
if mountpoint -q /sys/fs/cgroup; then
  mkdir /run/cgroup
  mount --rbind /sys/fs/cgroup /run/cgroup
  mount -t sysfs sysfs /sys
  mount --move /run/cgroup /sys/fs/cgroup
else
  mount -t sysfs sysfs /sys
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi

# The Engine's namespaces come and go as mounts below its exec-root. A container that has them mounted sees that only
# where they are on a shared mount, as they are under systemd; the rest of this mount namespace is private.
mkdir "$folder/exec"
mount --bind "$folder/exec" "$folder/exec"
mount --make-rshared "$folder/exec"

ip link set lo up

"$@" </dev/null 3<&- &
daemon=$!
echo "$daemon" >"$folder/engine.pid"

# Whichever ends first, the test or the daemon's start, ends the lab.
cat <&3 >/dev/null &
lifeline=$!
exec 3<&-
while kill -0 "$lifeline" 2>/dev/null; do
  [ -S "$folder/docker.sock" ] && break
  kill -0 "$daemon" 2>/dev/null || exit 1
  sleep 0.05
done
wait "$lifeline" || :

# Under version 1 of the cgroups what is frozen does not die: a paused container would outlive the lab.
find /sys/fs/cgroup/freezer/"$name" -name freezer.state 2>/dev/null | while read -r state; do
  echo THAWED >"$state" || :
done
