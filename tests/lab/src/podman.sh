# Podman's service in place of this shell: sh -euc THIS podman FOLDER NAME
folder=$1 name=$2

# Podman chooses the cgroups of containers itself, below the root that it sees: the lab's own. Version 2 alone, as in
# the field; without controllers where the machine has them in version 1, and nothing here needs any.
unified=/sys/fs/cgroup
[ ! -d "$unified/unified" ] || unified=$unified/unified
mkdir "$unified/$name"
echo $$ >"$unified/$name/cgroup.procs"

cat >"$folder/containers.conf" <<CONF
[containers]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
export CONTAINERS_CONF="$folder/containers.conf"
# The Engine's usual place, for whoever looks for it there.
ln -s "$folder/docker.sock" /run/docker.sock

exec unshare --cgroup sh -euc '
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  exec podman --root "$1/data" --runroot "$1/exec/run" --tmpdir "$1/exec/tmp" \
    --network-config-dir "$1/networks" \
    system service --time 0 "unix://$1/docker.sock"
' podman "$folder"
