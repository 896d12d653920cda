# What the scripts share. A script sources this file first: it then runs in the root of the repository, with `say` for
# what it does, `fail` for what went wrong and `misuse` for what was asked for wrongly. `--help` prints the comment that
# a script opens with.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[1]}")/.." || exit
script=$(basename "${BASH_SOURCE[1]}")

# Colour is for people: on a terminal that knows it, unless NO_COLOR says otherwise.
coloured() { [ -t "$1" ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; }
if coloured 1; then strong=$'\e[1m' plain=$'\e[0m'; else strong='' plain=''; fi
if coloured 2; then alarm=$'\e[1;31m' calm=$'\e[0m'; else alarm='' calm=''; fi

say() { printf '%s%s:%s %s\n' "$strong" "$script" "$plain" "$*"; }
fail() {
    printf '%s%s:%s %s\n' "$alarm" "$script" "$calm" "$*" >&2
    exit 1
}
misuse() {
    printf '%s%s:%s %s; see scripts/%s --help.\n' "$alarm" "$script" "$calm" "$*" "$script" >&2
    exit 2
}

show_help() {
    sed -n '2,${/^#/!q;s/^# \{0,1\}//p;}' "scripts/$script"
    exit 0
}

# For a script that takes nothing but --help.
no_arguments() {
    [ $# -eq 0 ] && return
    [ "$*" = --help ] && show_help
    misuse "unknown argument $*"
}

# A span of seconds as people say it.
span() {
    if [ "$1" -lt 120 ]; then echo "$1 s"; else echo "$((($1 + 30) / 60)) min"; fi
}

# Says what a long step does, runs it, and says how long it took: timed WHAT COMMAND ...
timed() {
    local what=$1 start=$SECONDS status
    shift
    say "$what ..."
    "$@"
    # Reached after a failure, too, where the caller asks for the outcome.
    status=$?
    [ "$status" -eq 0 ] || return "$status"
    say "$what: done in $(span $((SECONDS - start)))"
}

# Runs a command as root: as_root COMMAND ...
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "installing packages needs root; run as root, or install sudo."
    fi
}

# Installs or downloads the CPU build of torch: torch_by_pip PIP install|download [OPTION ...]
# PyTorch publishes it apart from the package index, where the default build brings several GB of CUDA; a machine that has
# it elsewhere says so to pip.
torch_version=2.13.0
torch_by_pip() {
    "$@" --quiet "torch==$torch_version+cpu" 2> /dev/null ||
        "$@" --quiet --extra-index-url https://download.pytorch.org/whl/cpu "torch==$torch_version+cpu" ||
        fail "no CPU build of torch $torch_version was found; point CMAKE_PREFIX_PATH to a LibTorch instead."
}

# Runs a command in a chroot, with nothing of the caller's environment: in_chroot DIRECTORY COMMAND [NAME=VALUE ...]
# Debuggers, sanitizers and LibTorch read /proc: it is mounted for this command alone, in a namespace that ends with it.
in_chroot() {
    local directory=$1 command=$2
    shift 2
    # shellcheck disable=SC2016  # the shell in the namespace expands it
    unshare --mount bash -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' in_chroot "$directory" env -i HOME=/root \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb DEBIAN_FRONTEND=noninteractive \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$@" bash -c "$command"
}

# Makes a chroot of a Debian release, and anew where the list of packages has changed since:
# make_chroot DIRECTORY RELEASE [PACKAGE ...]
make_chroot() {
    local directory=$1 release=$2 complete=$1/.complete
    shift 2
    [ -e "$complete" ] && [ "$(cat "$complete")" = "$*" ] && return
    [ "$(id -u)" = 0 ] || fail "chroots need root."
    command -v debootstrap > /dev/null || fail "debootstrap is not installed: apt-get install debootstrap."
    say "making a chroot of Debian $release in $directory, some minutes; $directory.log tells how far it is"
    rm -rf "${directory:?}"
    mkdir -p "$(dirname "$directory")"
    local incomplete="it is not complete, and its log says why; run this again."
    # From its own mirror. One script serves all releases, those that an older debootstrap has not heard of, too.
    debootstrap --variant=minbase "$release" "$directory" "" \
        /usr/share/debootstrap/scripts/sid > "$directory.log" 2>&1 || fail "$incomplete"
    # A mirror may lag, and a snapshot does for ever; signatures are checked all the same.
    echo 'Acquire::Check-Valid-Until "false";' > "$directory/etc/apt/apt.conf.d/80mirror"
    if [ $# -gt 0 ]; then
        in_chroot "$directory" "apt-get update -q && apt-get install -q -y --no-install-recommends ca-certificates $*" \
            >> "$directory.log" 2>&1 || fail "$incomplete"
        # It trusts whom this machine trusts, a proxy of the network among them.
        cp /etc/ssl/certs/ca-certificates.crt "$directory/etc/ssl/certs"
    fi
    echo "$*" > "$complete"
}
