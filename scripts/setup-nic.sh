#!/bin/sh
# Prepares network interfaces for kernel bypass, and puts back what it has changed.
#
#	setup-nic.sh [--dry-run] COMMAND
#
#	status                          NICs, their drivers, huge pages, what undo would put back
#	bind PCI|IFACE [DRIVER]         hand a NIC to vfio-pci (or uio_pci_generic), for DPDK
#	     --force                    even when it carries addresses or the default route
#	     --noiommu                  even without an IOMMU: the NIC can then write to all memory
#	unbind PCI                      give it back to the driver that it had
#	hugepages COUNT                 have so many huge pages in all
#	     --size 2M|1G               of this size (2M)
#	     --node N                   on this node
#	queues IFACE COUNT              have so many queues, and spread UDP over them by ports
#	tune IFACE                      let busy polling hold off interrupts, fix their rate,
#	     --cpus LIST                and give queue N's to the Nth of these processors
#	undo                            put back everything, the last change first
#
# Before each change a line with the value of before is added to /run/anser/setup-nic, so that undo
# works whenever this is interrupted. Binding takes an interface's addresses away; undo gives the
# interface back, and whoever set up its addresses has to do so again.
#
# ANSER_SYSROOT is put before /sys, /proc and /run, for tests.
#
# In "check && check || die", die ends the script whichever check has failed; $ in programs of sed
# and awk is theirs.
# shellcheck disable=SC2015,SC2016
set -u

root=${ANSER_SYSROOT:-}
sys=$root/sys
state=$root/run/anser/setup-nic
dry=no force=no noiommu=no size=2M node='' cpus=''

say() {
	echo "setup-nic: $*"
}

die() {
	echo "setup-nic: $*" >&2
	exit 1
}

usage() {
	[ $# -eq 0 ] || echo "setup-nic: $*" >&2
	sed -n '2,17s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

is_number() {
	case $1 in
	'' | *[!0-9]*) return 1 ;;
	esac
}

need() {
	command -v "$1" >/dev/null 2>&1 || die "$1 is not installed"
}

# ---- changes, each with its line in the state file ----

# record KIND WHAT... BEFORE: fields are separated by tabs and never empty.
record() {
	[ $dry = no ] || return 0
	mkdir -p "${state%/*}" || die "cannot make ${state%/*}"
	(
		IFS='	'
		printf '%s\n' "$*" >>"$state"
	) || die "cannot write $state; nothing was changed"
}

# keep COMMAND...: of the state file only what this makes of it; without a line there is no file.
keep() {
	"$@" "$state" >"$state.new" && mv "$state.new" "$state" || die "cannot write $state"
	[ -s "$state" ] || rm -f "$state"
}

# The change that was just recorded was refused, so there is nothing to put back.
unrecord() {
	[ $dry = yes ] || keep sed '$d'
}

# put PATH VALUE
put() {
	if [ $dry = yes ]; then
		say "would write '$2' to $1"
	else
		{ printf '%s\n' "$2" >"$1"; } 2>/dev/null
	fi
}

# run COMMAND...
run() {
	if [ $dry = yes ]; then
		say "would run $*"
	else
		"$@"
	fi
}

# change_file PATH VALUE: fails when the kernel refuses.
change_file() {
	before=
	read -r before 2>/dev/null <"$1"
	[ "$before" != "$2" ] || return 0
	record file "$1" "${before:--}"
	put "$1" "$2" && return
	unrecord
	return 1
}

load_module() {
	directory=$sys/module/$(echo "$1" | tr - _)
	[ ! -d "$directory" ] || return 0
	[ $dry = yes ] || need modprobe
	record module "$1"
	run modprobe "$1" && return
	unrecord
	die "the kernel has no module $1"
}

# ---- devices ----

driver_of() {
	link=$(readlink "$sys/bus/pci/devices/$1/driver") || return 0
	echo "${link##*/}"
}

# The driver may be a moment behind, where it is probed in the background.
has_driver() {
	tries=0
	until [ "$(driver_of "$1")" = "$2" ]; do
		tries=$((tries + 1))
		[ $tries -lt 30 ] || return 1
		sleep 0.1
	done
}

# Names of the interfaces that a PCI device has, those of virtio among them.
interfaces_of() {
	for path in "$sys/bus/pci/devices/$1"/net/* "$sys/bus/pci/devices/$1"/virtio*/net/*; do
		[ ! -e "$path" ] || echo "${path##*/}"
	done
}

check_interface() {
	case $1 in
	'' | */* | .*) die "\"$1\" is no interface" ;;
	esac
	[ -e "$sys/class/net/$1" ] || die "there is no interface $1"
}

# Sets pci from "0000:01:00.0", "01:00.0" or the name of an interface.
find_pci() {
	pci=$1
	case $1 in
	*/*) die "\"$1\" is no PCI address and no interface" ;;
	*:*:*.*) ;;
	*:*.*) pci=0000:$1 ;;
	*)
		check_interface "$1"
		path=$(readlink -f "$sys/class/net/$1/device" 2>/dev/null) || path=
		while [ -n "$path" ] && [ ! -e "$sys/bus/pci/devices/${path##*/}" ]; do
			path=${path%/*}
		done
		[ -n "$path" ] || die "$1 is no PCI device"
		pci=${path##*/}
		;;
	esac
	[ -d "$sys/bus/pci/devices/$pci" ] || die "there is no PCI device $pci"
}

# ---- bind, unbind ----

refuse_in_use() {
	for interface in $(interfaces_of "$pci"); do
		need ip
		if [ -n "$(ip -4 route show default dev "$interface" 2>/dev/null)$(
			ip -6 route show default dev "$interface" 2>/dev/null
		)" ]; then
			die "$interface carries the default route: binding it may cut you off (--force)"
		fi
		if [ -n "$(ip -o address show dev "$interface" scope global 2>/dev/null)" ]; then
			die "$interface has addresses: binding it takes them away (--force)"
		fi
	done
}

refuse_bifurcated() {
	case $1 in
	mlx4_core | mlx5_core | mana)
		die "$pci: DPDK uses $1 through the kernel's driver: leave it bound (--force)"
		;;
	esac
}

# All devices of a group go to user space together.
refuse_shared_group() {
	for path in "$sys/bus/pci/devices/$pci/iommu_group/devices"/*; do
		other=${path##*/}
		if [ ! -e "$path" ] || [ "$other" = "$pci" ]; then
			continue
		fi
		case $(driver_of "$other") in
		'' | pcieport | vfio-pci) ;;
		*) die "$other is in the same IOMMU group and has a driver; unbind it too (--force)" ;;
		esac
	done
}

allow_noiommu() {
	[ "$1" = vfio-pci ] || return 0
	change_file "$sys/module/vfio/parameters/enable_unsafe_noiommu_mode" Y ||
		die "this kernel's VFIO has no no-IOMMU mode; try uio_pci_generic"
}

command_bind() {
	[ $# -ge 1 ] && [ $# -le 2 ] || usage "bind: PCI|IFACE [DRIVER]"
	driver=${2:-vfio-pci}
	case $driver in
	vfio-pci | uio_pci_generic) ;;
	*) usage "bind: \"$driver\" is neither vfio-pci nor uio_pci_generic" ;;
	esac
	find_pci "$1"
	read -r class 2>/dev/null <"$sys/bus/pci/devices/$pci/class" || class=
	case $class in
	0x02*) ;;
	*) die "$pci is no network device (class ${class:-unknown})" ;;
	esac
	had=$(driver_of "$pci")
	[ "$had" != "$driver" ] || die "$pci is bound to $driver already"
	if [ $force = no ]; then
		refuse_bifurcated "$had"
		refuse_in_use
		refuse_shared_group
	fi
	iommu=yes
	[ -e "$sys/bus/pci/devices/$pci/iommu_group" ] || iommu=no
	[ $iommu = yes ] || [ $noiommu = yes ] ||
		die "$pci is behind no IOMMU: it could write to all memory (--noiommu)"
	load_module "$driver"
	[ $iommu = yes ] || allow_noiommu "$driver"
	record driver "$pci" "${had:--}"
	put "$sys/bus/pci/devices/$pci/driver_override" "$driver" ||
		die "cannot set the driver_override of $pci"
	if [ -n "$had" ]; then
		put "$sys/bus/pci/drivers/$had/unbind" "$pci" || die "$had does not let go of $pci"
	fi
	put "$sys/bus/pci/drivers_probe" "$pci" || die "$driver refuses $pci: see dmesg"
	[ $dry = yes ] && return
	has_driver "$pci" "$driver" || die "$driver has not taken $pci: see dmesg; then undo"
	say "$pci: ${had:-no driver} -> $driver"
}

# restore_driver PCI DRIVER: "-" is none. Right at whatever point binding was interrupted.
restore_driver() {
	has=$(driver_of "$1")
	put "$sys/bus/pci/devices/$1/driver_override" '' || return 1
	[ "${has:--}" != "$2" ] || return 0
	if [ -n "$has" ]; then
		put "$sys/bus/pci/drivers/$has/unbind" "$1" || return 1
	fi
	[ "$2" != - ] || return 0
	put "$sys/bus/pci/drivers_probe" "$1" || return 1
	[ $dry = no ] || return 0
	has_driver "$1" "$2"
}

command_unbind() {
	[ $# -eq 1 ] || usage "unbind: PCI"
	find_pci "$1"
	had=
	[ ! -e "$state" ] ||
		had=$(awk -F '\t' -v pci="$pci" '$1 == "driver" && $2 == pci { print $3; exit }' "$state")
	if [ -n "$had" ]; then
		restore_driver "$pci" "$had" || die "$had has not taken $pci back: see dmesg"
		[ $dry = yes ] && return
		keep awk -F '\t' -v pci="$pci" '!($1 == "driver" && $2 == pci)'
		say "$pci: back to $had"
		return
	fi
	case $(driver_of "$pci") in
	vfio-pci | uio_pci_generic) ;;
	*) die "$pci was not bound by this script, and has a driver of the kernel" ;;
	esac
	has=$(driver_of "$pci")
	put "$sys/bus/pci/devices/$pci/driver_override" '' &&
		put "$sys/bus/pci/drivers/$has/unbind" "$pci" &&
		put "$sys/bus/pci/drivers_probe" "$pci" || die "cannot unbind $pci"
	say "$pci: released; the kernel chooses its driver"
}

# ---- huge pages ----

command_hugepages() {
	[ $# -eq 1 ] && is_number "$1" || usage "hugepages: COUNT [--size 2M|1G] [--node N]"
	case $size in
	2M) kib=2048 ;;
	1G) kib=1048576 ;;
	*) usage "hugepages: \"$size\" is neither 2M nor 1G" ;;
	esac
	directory=$sys/kernel/mm/hugepages
	if [ -n "$node" ]; then
		is_number "$node" || usage "--node: \"$node\" is no number"
		directory=$sys/devices/system/node/node$node
		[ -d "$directory" ] || die "there is no node $node"
		directory=$directory/hugepages
	fi
	file=$directory/hugepages-${kib}kB/nr_hugepages
	[ -e "$file" ] || die "this machine has no pages of $size"
	change_file "$file" "$1" || die "the kernel refuses $1 pages of $size"
	[ $dry = yes ] && return
	read -r got <"$file"
	[ "$got" -ge "$1" ] ||
		die "only $got of $1 pages of $size could be had; take them at boot: hugepagesz=$size hugepages=$1"
	say "$got pages of $size${node:+ on node $node}"
}

# ---- queues ----

# channels_of IFACE: "KIND NOW MAX" of combined queues, or of separate ones to receive and send.
channels_of() {
	ethtool -l "$1" 2>/dev/null | awk '
		/maximums/ { part = "max" }
		/Current/ { part = "now" }
		{ value[part, $1] = $2 + 0 }
		END {
			if (value["max", "Combined:"])
				print "combined", value["now", "Combined:"], value["max", "Combined:"]
			else if (value["max", "RX:"] && value["max", "TX:"]) {
				max = value["max", "RX:"] < value["max", "TX:"] ? "RX:" : "TX:"
				print "separate", value["now", "RX:"] "+" value["now", "TX:"], value["max", max]
			}
		}'
}

# set_channels IFACE KIND COUNT: of separate ones "RX+TX".
set_channels() {
	if [ "$2" = combined ]; then
		run ethtool -L "$1" combined "$3"
	else
		run ethtool -L "$1" rx "${3%+*}" tx "${3#*+}"
	fi
}

# hash_of IFACE FLOW: the letters that ethtool takes.
hash_of() {
	ethtool -n "$1" rx-flow-hash "$2" 2>/dev/null | awk '
		/^L2DA/ { letters = letters "m" }
		/^VLAN tag/ { letters = letters "v" }
		/^L3 proto/ { letters = letters "t" }
		/^IP SA/ { letters = letters "s" }
		/^IP DA/ { letters = letters "d" }
		/^L4 bytes 0 & 1/ { letters = letters "f" }
		/^L4 bytes 2 & 3/ { letters = letters "n" }
		END { print letters }'
}

spread_by_ports() {
	for flow in udp4 udp6; do
		before=$(hash_of "$1" $flow)
		if [ -z "$before" ]; then
			say "$1: the driver does not tell how it spreads $flow; left as it is"
			continue
		fi
		[ "$before" != sdfn ] || continue
		record hash "$1" $flow "$before"
		run ethtool -N "$1" rx-flow-hash $flow sdfn && continue
		unrecord
		say "$1: the driver cannot spread $flow by ports; left as it is"
	done
}

command_queues() {
	[ $# -eq 2 ] && is_number "$2" && [ "$2" -gt 0 ] || usage "queues: IFACE COUNT"
	check_interface "$1"
	need ethtool
	channels=$(channels_of "$1")
	[ -n "$channels" ] || die "$1: the driver does not let its queues be set"
	kind=${channels%% *} max=${channels##* }
	now=${channels#* } now=${now% *}
	[ "$2" -le "$max" ] || die "$1 has $max queues at most"
	wanted=$2
	[ "$kind" = combined ] || wanted=$2+$2
	if [ "$now" != "$wanted" ]; then
		record channels "$1" "$kind" "$now"
		set_channels "$1" "$kind" "$wanted" || {
			unrecord
			die "$1: the driver refuses $2 queues"
		}
	fi
	spread_by_ports "$1"
	[ $dry = yes ] || say "$1: $2 queues"
}

# ---- tune ----

# "Adaptive RX: on  TX: off" -> "on off"; nothing where the driver has no such thing.
adaptive_of() {
	ethtool -c "$1" 2>/dev/null | awk '
		/^Adaptive RX:/ && ($3 == "on" || $3 == "off") && ($5 == "on" || $5 == "off") { print $3, $5 }'
}

fix_interrupt_rate() {
	command -v ethtool >/dev/null 2>&1 || {
		say "ethtool is not installed: the interrupt rate is left as it is"
		return
	}
	before=$(adaptive_of "$1")
	[ -n "$before" ] && [ "$before" != "off off" ] || return 0
	record adaptive "$1" "${before% *}" "${before#* }"
	run ethtool -C "$1" adaptive-rx off adaptive-tx off && return
	unrecord
	say "$1: the driver keeps its adaptive coalescing"
}

# "2-4,7" -> "2 3 4 7"
expand_list() {
	echo "$1" | awk -F , '{
		for (i = 1; i <= NF; i++) {
			n = split($i, end, "-")
			for (cpu = end[1]; cpu <= end[n]; cpu++)
				printf "%d ", cpu
		}
	}'
}

# queue_interrupts IFACE: "IRQ QUEUE", one a line. Which queue is told by the interrupt's name, as
# in eth0-TxRx-3, mlx5_comp3, virtio1-input.3; those of no queue are left alone.
queue_interrupts() {
	device=$(readlink -f "$sys/class/net/$1/device" 2>/dev/null) || return 0
	[ -d "$device/msi_irqs" ] || device=${device%/*}
	for path in "$device"/msi_irqs/*; do
		[ -e "$path" ] || continue
		awk -v irq="${path##*/}:" '$1 == irq &&
			match($0, /([Tt]x-?[Rr]x|[Tt]x|[Rr]x|comp|input|output)[-.]?[0-9]+/) {
				name = substr($0, RSTART, RLENGTH)
				match(name, /[0-9]+$/)
				print irq + 0, substr(name, RSTART)
			}' "$root/proc/interrupts"
	done
}

# Queue N's interrupts go where worker N runs.
place_interrupts() {
	list=$cpus
	[ -n "$list" ] || read -r list 2>/dev/null <"$sys/class/net/$1/device/local_cpulist" || return 0
	all=$(expand_list "$list")
	count=$(echo "$all" | wc -w)
	[ "$count" -gt 0 ] || return 0
	queue_interrupts "$1" | while read -r irq queue; do
		cpu=$(echo "$all" | cut -d ' ' -f $((queue % count + 1)))
		change_file "$root/proc/irq/$irq/smp_affinity_list" "$cpu" ||
			say "interrupt $irq cannot be moved"
	done
}

command_tune() {
	[ $# -eq 1 ] || usage "tune: IFACE [--cpus LIST]"
	check_interface "$1"
	case $cpus in
	*[!0-9,-]*) usage "--cpus: \"$cpus\" is no list of processors" ;;
	esac
	net=$sys/class/net/$1
	change_file "$net/napi_defer_hard_irqs" 2 || die "this kernel has no napi_defer_hard_irqs (5.7)"
	change_file "$net/gro_flush_timeout" 200000 || die "cannot set gro_flush_timeout of $1"
	fix_interrupt_rate "$1"
	place_interrupts "$1"
	[ $dry = yes ] || say "$1: tuned"
}

# ---- undo ----

undo_file() {
	[ -e "$1" ] || return 0
	value=$2
	[ "$value" != - ] || value=
	put "$1" "$value"
}

# undo_line FIELD...: also right when the change itself was never made.
undo_line() {
	case $1 in
	file) undo_file "$2" "$3" ;;
	driver) restore_driver "$2" "$3" ;;
	module) run modprobe -r "$2" || say "$2 is in use: it stays loaded" ;;
	channels | hash | adaptive)
		[ -e "$sys/class/net/$2" ] || return 0
		case $1 in
		channels) set_channels "$2" "$3" "$4" ;;
		hash) run ethtool -N "$2" rx-flow-hash "$3" "$4" ;;
		adaptive) run ethtool -C "$2" adaptive-rx "$3" adaptive-tx "$4" ;;
		esac
		;;
	*) false ;;
	esac
}

# Lines that cannot be undone stay.
command_undo() {
	[ $# -eq 0 ] || usage "undo takes nothing"
	[ -s "$state" ] || {
		say "nothing was changed"
		return
	}
	left=$(wc -l <"$state")
	failed=0
	while [ "$left" -gt 0 ]; do
		line=$(sed -n "${left}p" "$state")
		IFS='	' read -r a b c d <<-END
			$line
		END
		if ! undo_line "$a" "$b" "$c" "$d"; then
			echo "setup-nic: cannot be undone: $line" >&2
			failed=$((failed + 1))
		elif [ $dry = no ]; then
			keep sed "${left}d"
		fi
		left=$((left - 1))
	done
	[ $failed -eq 0 ] || exit 1
}

# ---- status ----

command_status() {
	[ $# -eq 0 ] || usage "status takes nothing"
	for path in "$sys/bus/pci/devices"/*; do
		class=
		read -r class 2>/dev/null <"$path/class"
		case $class in
		0x02*) ;;
		*) continue ;;
		esac
		pci=${path##*/}
		driver=$(driver_of "$pci")
		iommu="IOMMU group $(basename "$(readlink "$path/iommu_group")" 2>/dev/null)"
		[ -e "$path/iommu_group" ] || iommu="no IOMMU"
		echo "$pci  ${driver:-no driver}  $iommu  $(interfaces_of "$pci" | tr '\n' ' ')"
	done
	for path in "$sys/kernel/mm/hugepages"/hugepages-*; do
		[ -e "$path/nr_hugepages" ] || continue
		read -r all <"$path/nr_hugepages"
		read -r unused <"$path/free_hugepages"
		echo "huge pages of ${path##*-}: $unused of $all free"
	done
	[ -s "$state" ] || return 0
	echo "undo would put back:"
	sed '1!G;h;$!d' "$state"
}

# ---- the command line ----

words=
while [ $# -gt 0 ]; do
	case $1 in
	--dry-run) dry=yes ;;
	--force) force=yes ;;
	--noiommu) noiommu=yes ;;
	--size | --node | --cpus)
		[ $# -gt 1 ] || usage "$1 needs a value"
		case $1 in
		--size) size=$2 ;;
		--node) node=$2 ;;
		--cpus) cpus=$2 ;;
		esac
		shift
		;;
	-h | --help) usage ;;
	-*) usage "there is no option $1" ;;
	*[!A-Za-z0-9_.:@-]*) die "\"$1\" is no name" ;;
	*) words="$words $1" ;;
	esac
	shift
done
# Names have no blanks and no wildcards.
# shellcheck disable=SC2086
set -- $words
[ $# -gt 0 ] || usage "a command is missing"
command=$1
shift
case $command in
status) command_status "$@" ;;
bind | unbind | hugepages | queues | tune | undo)
	[ $dry = yes ] || [ -n "$root" ] || [ "$(id -u)" -eq 0 ] || die "$command needs root"
	"command_$command" "$@"
	;;
*) usage "there is no command \"$command\"" ;;
esac
