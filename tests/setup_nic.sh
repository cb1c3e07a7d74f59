#!/bin/sh
# scripts/setup-nic.sh: what it refuses, what it changes, and that undo puts all of it back.
#
# First over a made-up tree, where a few background shells are the kernel: its files to bind drivers
# are FIFOs, and whoever writes a device's address to them gets its driver link changed. Then over
# this kernel, in a network and mount namespace: queues of a veth pair, and real huge pages.
set -u

script=${ANSER_SOURCE_DIR:?}/scripts/setup-nic.sh
run=$(mktemp -d /tmp/setup_nic.XXXXXX)
sys=$run/root/sys
state=$run/root/run/anser/setup-nic
pci=0000:01:00.0
device=$sys/bus/pci/devices/$pci
kernel_pids=
PATH=$run/bin:$PATH:/usr/sbin:/sbin
export PATH

finish() {
	status=$?
	for pid in $kernel_pids; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	[ $status = 0 ] || [ $status = 77 ] || cat "$run/out"
	rm -rf "$run"
}
trap finish EXIT
: >"$run/out"

say() {
	echo "-- $*"
}

fail() {
	echo "FAILED: $*"
	exit 1
}

setup_nic() {
	ANSER_SYSROOT=$run/root "$script" "$@" >"$run/out" 2>&1
}

# holds FILE TEXT
holds() {
	[ "$(cat "$1")" = "$2" ] || fail "$1 holds '$(cat "$1")', not '$2'"
}

driver() {
	link=$(readlink "$device/driver") && echo "${link##*/}"
}

# refused TEXT ARGUMENT...: with that message, and nothing changed.
refused() {
	wanted=$1
	shift
	before=$(snapshot)
	setup_nic "$@" && fail "accepted: $*"
	grep -qF -- "$wanted" "$run/out" || fail "$*: does not say '$wanted'"
	[ "$(snapshot)" = "$before" ] || fail "changed something: $*"
}

# Everything in the tree that is a file or a link, with its contents.
snapshot() {
	find "$run/root" "$run/nic" \( -type f -exec cksum {} + \) -o \( -type l -printf '%p %l\n' \) | sort
}

# ---- the made-up machine ----

# be_unbind DRIVER: lets go of the device that is written to it. Whoever wrote the last one may have the pipe
# open still when it is opened for the next, which then ends with nothing in it.
be_unbind() {
	while :; do
		read -r address <"$sys/bus/pci/drivers/$1/unbind" || continue
		rm -f "$sys/bus/pci/devices/$address/driver"
	done
}

be_probe() {
	while :; do
		read -r address <"$sys/bus/pci/drivers_probe" || continue
		while [ -e "$sys/bus/pci/devices/$address/driver" ]; do
			sleep 0.02
		done
		read -r name <"$sys/bus/pci/devices/$address/driver_override"
		ln -s "../../drivers/${name:-ice}" "$sys/bus/pci/devices/$address/driver"
	done
}

make_machine() {
	mkdir -p "$device/net/eth9" "$device/msi_irqs" "$sys/class/net" "$sys/module" \
		"$sys/bus/pci/drivers/ice" "$sys/bus/pci/drivers/vfio-pci" "$run/root/proc" \
		"$sys/kernel/iommu_groups/7/devices" "$run/bin" "$run/nic"
	echo 0x020000 >"$device/class"
	echo >"$device/driver_override"
	ln -s ../../drivers/ice "$device/driver"
	ln -s ../../../../kernel/iommu_groups/7 "$device/iommu_group"
	ln -s "../../../../bus/pci/devices/$pci" "$sys/kernel/iommu_groups/7/devices/$pci"
	ln -s "../../../.." "$device/net/eth9/device"
	ln -s "../../bus/pci/devices/$pci/net/eth9" "$sys/class/net/eth9"
	rm "$device/net/eth9/device"
	ln -s ../.. "$device/net/eth9/device"
	mkfifo "$sys/bus/pci/drivers_probe" "$sys/bus/pci/drivers/ice/unbind" \
		"$sys/bus/pci/drivers/vfio-pci/unbind"
	for node in node0 node1; do
		mkdir -p "$sys/devices/system/node/$node/hugepages/hugepages-2048kB"
		echo 3 >"$sys/devices/system/node/$node/hugepages/hugepages-2048kB/nr_hugepages"
	done
	mkdir -p "$sys/kernel/mm/hugepages/hugepages-2048kB"
	echo 6 >"$sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
	echo 6 >"$sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
	echo 0 >"$device/net/eth9/napi_defer_hard_irqs"
	echo 0 >"$device/net/eth9/gro_flush_timeout"
	echo 0-7 >"$device/local_cpulist"
	for irq in 30 31 32 33; do
		mkdir -p "$run/root/proc/irq/$irq"
		echo 0-7 >"$run/root/proc/irq/$irq/smp_affinity_list"
		: >"$device/msi_irqs/$irq"
	done
	cat >"$run/root/proc/interrupts" <<-END
		           CPU0       CPU1
		 30:          0          0  PCI-MSI 1-edge      ice-0000:01:00.0:misc
		 31:          5          0  PCI-MSI 2-edge      ice-eth9-TxRx-0
		 32:          5          0  PCI-MSI 3-edge      ice-eth9-TxRx-1
		 33:          5          0  PCI-MSI 4-edge      ice-eth9-TxRx-2
		131:          5          0  PCI-MSI 4-edge      ice-eth8-TxRx-2
	END
}

# Programs that the script calls, for the made-up NIC.
make_programs() {
	cat >"$run/bin/ip" <<-END
		#!/bin/sh
		case "\$*" in
		*route*) cat "$run/nic/routes" ;;
		*address*) cat "$run/nic/addresses" ;;
		esac
	END
	cat >"$run/bin/modprobe" <<-END
		#!/bin/sh
		if [ "\$1" = -r ]; then
			exec rmdir "$sys/module/vfio_pci"
		fi
		[ "\$1" = vfio-pci ] && mkdir "$sys/module/vfio_pci"
	END
	cat >"$run/bin/ethtool" <<-END
		#!/bin/sh
		cd "$run/nic" || exit
		case "\$1 \$3" in
		"-l ") printf 'Pre-set maximums:\nRX: n/a\nTX: n/a\nCombined: 16\nCurrent hardware settings:\nRX: n/a\nTX: n/a\nCombined: %s\n' "\$(cat queues)" ;;
		"-L combined") echo "\$4" >queues ;;
		"-n rx-flow-hash")
			echo "UDP flows use these fields:"
			grep -q s "hash-\$4" && echo "IP SA"
			grep -q d "hash-\$4" && echo "IP DA"
			grep -q f "hash-\$4" && echo "L4 bytes 0 & 1 [TCP/UDP src port]"
			grep -q n "hash-\$4" && echo "L4 bytes 2 & 3 [TCP/UDP dst port]"
			;;
		"-N rx-flow-hash") [ ! -e "fixed-\$4" ] && echo "\$5" >"hash-\$4" ;;
		"-c ") echo "Adaptive RX: \$(cat adaptive-rx)  TX: \$(cat adaptive-tx)" ;;
		"-C adaptive-rx") echo "\$4" >adaptive-rx; echo "\$6" >adaptive-tx ;;
		*) exit 1 ;;
		esac
	END
	chmod +x "$run/bin"/*
	: >"$run/nic/routes"
	: >"$run/nic/addresses"
	echo 8 >"$run/nic/queues"
	echo sd >"$run/nic/hash-udp4"
	echo sd >"$run/nic/hash-udp6"
	echo on >"$run/nic/adaptive-rx"
	echo off >"$run/nic/adaptive-tx"
}

make_machine
make_programs
be_unbind ice &
kernel_pids="$kernel_pids $!"
be_unbind vfio-pci &
kernel_pids="$kernel_pids $!"
be_probe &
kernel_pids="$kernel_pids $!"
fresh=$(snapshot)

say "wrong usage"
refused "a command is missing"
refused 'no command "frobnicate"' frobnicate
refused "no option --frobnicate" status --frobnicate
refused "--size needs a value" hugepages 4 --size
refused "is no name" bind 'eth9; true'
refused "neither vfio-pci nor" bind eth9 igb_uio
refused "hugepages: COUNT" hugepages many
refused "neither 2M nor 1G" hugepages 4 --size 4M
refused "no pages of 1G" hugepages 4 --size 1G
refused "there is no node 7" hugepages 4 --node 7
refused "queues: IFACE COUNT" queues eth9 0
refused "no interface eth8" queues eth8 4
refused "16 queues at most" queues eth9 17
refused "no list of processors" tune eth9 --cpus all

say "bind refuses"
refused "no interface eth8" bind eth8
refused "no PCI device 0000:02:00.0" bind 02:00.0
refused "\"..\" is no interface" bind ..
echo "default via 192.0.2.1" >"$run/nic/routes"
refused "carries the default route" bind eth9
: >"$run/nic/routes"
echo "2: eth9 inet 192.0.2.2/24" >"$run/nic/addresses"
refused "has addresses" bind $pci
: >"$run/nic/addresses"
echo 0x010802 >"$device/class"
refused "is no network device" bind $pci
echo 0x020000 >"$device/class"
mv "$device/iommu_group" "$run/group"
refused "behind no IOMMU" bind eth9
mv "$run/group" "$device/iommu_group"
ln -sfn ../../drivers/mlx5_core "$device/driver"
refused "leave it bound" bind eth9
ln -sfn ../../drivers/ice "$device/driver"
mkdir "$sys/bus/pci/devices/0000:01:00.1"
ln -s ../../drivers/nvme "$sys/bus/pci/devices/0000:01:00.1/driver"
ln -s "../../../../bus/pci/devices/0000:01:00.1" "$sys/kernel/iommu_groups/7/devices/"
refused "0000:01:00.1 is in the same IOMMU group" bind eth9
rm -r "$sys/bus/pci/devices/0000:01:00.1" "$sys/kernel/iommu_groups/7/devices/0000:01:00.1"
refused "the kernel has no module uio_pci_generic" bind eth9 uio_pci_generic
refused "was not bound by this script" unbind $pci
rm -f "$state"
rmdir "${state%/*}" "$run/root/run" 2>/dev/null
[ "$(snapshot)" = "$fresh" ] || fail "the machine is not what it was"

say "a dry run changes nothing"
for words in "bind eth9" "hugepages 64" "queues eth9 4" "tune eth9"; do
	# shellcheck disable=SC2086
	setup_nic --dry-run $words || fail "--dry-run $words"
	grep -q would "$run/out" || fail "--dry-run $words says nothing"
done
[ "$(snapshot)" = "$fresh" ] || fail "a dry run has changed something"

say "bind and unbind"
setup_nic bind eth9 || fail "bind"
[ "$(driver)" = vfio-pci ] || fail "the driver is $(driver)"
holds "$device/driver_override" vfio-pci
refused "is bound to vfio-pci already" bind $pci
setup_nic unbind 01:00.0 || fail "unbind"
[ "$(driver)" = ice ] || fail "the driver is $(driver)"
holds "$device/driver_override" ""
setup_nic undo || fail "undo of the module"
[ "$(snapshot)" = "$fresh" ] || fail "unbind and undo have left something"
[ ! -e "$sys/module/vfio_pci" ] || fail "the module stays"

say "bind by force, without an IOMMU"
echo "default via 192.0.2.1" >"$run/nic/routes"
rm "$device/iommu_group"
mkdir -p "$sys/module/vfio/parameters"
echo N >"$sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
setup_nic bind eth9 --force --noiommu || fail "bind --force --noiommu"
[ "$(driver)" = vfio-pci ] || fail "the driver is $(driver)"
holds "$sys/module/vfio/parameters/enable_unsafe_noiommu_mode" Y
setup_nic undo || fail "undo"
[ "$(driver)" = ice ] || fail "the driver is $(driver)"
holds "$sys/module/vfio/parameters/enable_unsafe_noiommu_mode" N
rm -r "$sys/module/vfio"
: >"$run/nic/routes"
ln -s ../../../../kernel/iommu_groups/7 "$device/iommu_group"
[ "$(snapshot)" = "$fresh" ] || fail "undo has left something"

# The driver keeps the device: a bind that stops halfway.
say "undo of a bind that was interrupted"
rm "$device/driver"
ln -s ../../drivers/stuck "$device/driver"
setup_nic bind $pci && fail "bind of a stuck device"
grep -q "stuck does not let go" "$run/out" || fail "does not tell about the stuck driver"
holds "$device/driver_override" vfio-pci
setup_nic undo || fail "undo of half a bind"
holds "$device/driver_override" ""
[ "$(driver)" = stuck ] || fail "the driver is $(driver)"
rm "$device/driver"
mkdir -p "${state%/*}"
printf 'driver\t%s\tice\n' $pci >"$state"
setup_nic undo || fail "undo between unbind and probe"
[ "$(driver)" = ice ] || fail "the driver is $(driver)"
[ "$(snapshot)" = "$fresh" ] || fail "undo has left something"

say "huge pages"
setup_nic hugepages 64 || fail "hugepages"
setup_nic hugepages 5 --node 1 || fail "hugepages --node"
setup_nic hugepages 7 --node 1 || fail "hugepages --node"
holds "$sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" 64
holds "$sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages" 3
holds "$sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages" 7
[ "$(wc -l <"$state")" = 3 ] || fail "three changes, not three lines"
setup_nic status || fail "status"
grep -q "huge pages of 2048kB: 6 of 64 free" "$run/out" || fail "status does not count pages"
grep -q "$pci  ice  IOMMU group 7  eth9" "$run/out" || fail "status does not show the NIC"
setup_nic --dry-run undo || fail "dry undo"
[ "$(wc -l <"$state")" = 3 ] || fail "a dry undo has forgotten something"
setup_nic undo || fail "undo"
[ "$(snapshot)" = "$fresh" ] || fail "undo has left something"

say "queues and hashing"
setup_nic queues eth9 4 || fail "queues"
holds "$run/nic/queues" 4
holds "$run/nic/hash-udp4" sdfn
holds "$run/nic/hash-udp6" sdfn
setup_nic queues eth9 4 || fail "queues again"
[ "$(wc -l <"$state")" = 3 ] || fail "what is so already is recorded"
setup_nic undo || fail "undo"
[ "$(snapshot)" = "$fresh" ] || fail "undo has left something"
: >"$run/nic/fixed-udp6"
setup_nic queues eth9 4 || fail "queues with a fixed hash"
grep -q "cannot spread udp6" "$run/out" || fail "does not tell about the fixed hash"
setup_nic undo || fail "undo with a fixed hash"
rm "$run/nic/fixed-udp6"
[ "$(snapshot)" = "$fresh" ] || fail "undo has left something"

say "tune"
setup_nic tune eth9 --cpus 2,5-6 || fail "tune"
holds "$device/net/eth9/napi_defer_hard_irqs" 2
holds "$device/net/eth9/gro_flush_timeout" 200000
holds "$run/nic/adaptive-rx" off
holds "$run/root/proc/irq/30/smp_affinity_list" 0-7
holds "$run/root/proc/irq/31/smp_affinity_list" 2
holds "$run/root/proc/irq/32/smp_affinity_list" 5
holds "$run/root/proc/irq/33/smp_affinity_list" 6
setup_nic undo || fail "undo"
[ "$(snapshot)" = "$fresh" ] || fail "undo has left something"

say "what cannot be undone is kept, and the rest is undone"
setup_nic hugepages 64 || fail "hugepages"
printf 'nonsense\tx\ty\n' >>"$state"
setup_nic undo && fail "nonsense was undone"
holds "$sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" 6
[ "$(cat "$state")" = "$(printf 'nonsense\tx\ty')" ] || fail "the state is $(cat "$state")"
rm "$state"
setup_nic undo || fail "undo of nothing"

# ---- the real kernel ----

PATH=${PATH#*:}
if ! unshare -n -m true 2>/dev/null; then
	echo "skipped: the real part needs the right to make namespaces"
	exit 77
fi

# A /run and a /sys of the namespace: the machine's own state file is out of reach.
cat >"$run/real" <<'END'
set -eu
script=$1
mount -t tmpfs none /run
mount -t sysfs none /sys
fail() {
	echo "FAILED: $*"
	exit 1
}

echo "-- a real veth pair"
ip link add setupnic0 numtxqueues 4 numrxqueues 4 type veth peer name setupnic1
ip link set setupnic0 up
queues() {
	ls -d /sys/class/net/setupnic0/queues/rx-* | wc -l
}
had=$(queues)
"$script" queues setupnic0 1
[ "$(queues)" = 1 ] || fail "$(queues) queues, not 1"
"$script" queues setupnic0 3
[ "$(queues)" = 3 ] || fail "$(queues) queues, not 3"
if "$script" queues setupnic0 5; then
	fail "5 of 4 queues"
fi
"$script" tune setupnic0
[ "$(cat /sys/class/net/setupnic0/gro_flush_timeout)" = 200000 ] || fail "not tuned"
"$script" undo
[ "$(queues)" = "$had" ] || fail "$(queues) queues, not $had"
[ "$(cat /sys/class/net/setupnic0/gro_flush_timeout)" = 0 ] || fail "still tuned"
"$script" queues setupnic0 2
ip link del setupnic0
"$script" undo || fail "undo for an interface that is gone"

echo "-- real huge pages"
pages=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
if [ ! -e $pages ]; then
	echo "skipped: this kernel has no huge pages of 2M"
	exit 77
fi
had=$(cat $pages)
"$script" hugepages $((had + 4))
[ "$(cat $pages)" = $((had + 4)) ] || fail "$(cat $pages) pages, not $had and 4"
"$script" undo
[ "$(cat $pages)" = "$had" ] || fail "$(cat $pages) pages, not $had"
[ ! -e /run/anser/setup-nic ] || fail "the state file stays"
END
unshare -n -m sh "$run/real" "$script"
status=$?
[ $status = 0 ] && echo "all put back"
exit $status
