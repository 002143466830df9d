#!/bin/bash
# usage: ceph-s3.sh DIR PORT
# A real S3 server for tests: Ceph's gateway over one monitor and one storage daemon in memory, all
# on loopback, as any user. DIR (absolute) is wiped. PORT serves S3; PORT+1, PORT+2 and PORT+10 to
# PORT+40 are taken by Ceph itself. Prints "ready" when it answers; ends, and ends all, on TERM.
# Credentials: testkey / testsecret. Debian: radosgw ceph-mon ceph-osd curl.
#
#   CEPH_KEEP=1       DIR is not wiped, and at TERM objects are written to it: they outlive the server
#   CEPH_ADDRESS      the address of S3 (default: 127.0.0.1)
#   CEPH_NAME         its host name, as clients call it (default: localhost)
#   CEPH_ACCESS_KEY, CEPH_SECRET_KEY  of its user, made at the first start
set -euo pipefail
dir=$1 port=$2 limit_s=${CEPH_START_LIMIT_S:-60}
keep=${CEPH_KEEP:-} signal=-KILL
[ -z "$keep" ] || signal=-TERM

[ -n "$keep" ] && [ -e "$dir/made" ] || rm -rf "$dir"
mkdir -p "$dir"/{mon,osd,rgw}
cd "$dir"
export CEPH_CONF=$dir/ceph.conf
libraries=$(dirname "$(find /usr/lib -maxdepth 2 -name rados-classes -print -quit)")
made=
[ ! -e made ] || made=1
[ -e fsid ] || cat /proc/sys/kernel/random/uuid >fsid
fsid=$(<fsid)
osd_id=$(cat /proc/sys/kernel/random/uuid)
monitor="[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]"

cat >ceph.conf <<CONF
[global]
fsid = $fsid
mon_host = $monitor
keyring = $dir/keyring
auth_allow_insecure_global_id_reclaim = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_port_min = $((port + 10))
ms_bind_port_max = $((port + 40))
run_dir = $dir
log_file = $dir/\$name.log
admin_socket = $dir/\$name.asok
crash_dir = $dir
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
mon_data_avail_crit = 1
mon_data_avail_warn = 1
erasure_code_dir = $libraries/ceph/erasure-code
plugin_dir = $libraries/ceph
osd_class_dir = $libraries/rados-classes
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
[mon]
mon_data = $dir/mon
mon_initial_members = a
[osd]
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_fast_shutdown = false
osd_memory_target = 939524096
osd_op_num_threads_per_shard = 1
[client.rgw.t]
rgw_frontends = beast endpoint=${CEPH_ADDRESS:-127.0.0.1}:$port
rgw_data = $dir/rgw
rgw_thread_pool_size = 64
rgw_rados_pool_pg_num_min = 4
rgw_dns_name = ${CEPH_NAME:-localhost}
CONF

[ -n "$made" ] || ceph-authtool -C keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
for name in client.admin client.rgw.t osd.0; do
    [ -z "$made" ] || break
    ceph-authtool keyring --gen-key -n $name \
        --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
done

daemons=()
trap 'kill $signal "${daemons[@]}" 2>/dev/null; wait' EXIT
trap 'exit 0' TERM INT

if [ -z "$made" ]; then
    monmaptool --create --fsid "$fsid" --addv a "$monitor" monmap >/dev/null
    ceph-mon -i a --mkfs --monmap monmap --keyring keyring
fi
ceph-mon -i a -f >mon.out 2>&1 &
daemons+=($!)
if [ -z "$made" ]; then
    timeout "$limit_s" ceph --connect-timeout "$limit_s" osd new "$osd_id" 0 >/dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$osd_id" >osd.out 2>&1
fi
ceph-osd -i 0 -f >>osd.out 2>&1 &
daemons+=($!)
[ -n "$made" ] || timeout "$limit_s" radosgw-admin -n client.rgw.t user create --uid=t --display-name=t \
    --access-key="${CEPH_ACCESS_KEY:-testkey}" --secret-key="${CEPH_SECRET_KEY:-testsecret}" >/dev/null 2>admin.err
touch made

radosgw -n client.rgw.t -f >rgw.out 2>&1 &
daemons+=($!)
deadline=$((SECONDS + limit_s))
until curl -s -o /dev/null "127.0.0.1:$port"; do
    if [ $SECONDS -ge $deadline ]; then
        echo "The S3 gateway did not answer within $limit_s s; see $dir/rgw.out" >&2
        exit 1
    fi
    sleep .1
done
echo ready
wait
