# The lab's Engine: sh -eu THIS FOLDER NAME
folder=$1 name=$2
exec dockerd \
  --config-file "$folder/daemon.json" \
  -H "unix://$folder/docker.sock" -H unix:///run/docker.sock \
  --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" \
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$name"
