#!/usr/bin/env bash
# What a newcomer does, on a machine that has never seen the project: Debian 12 with git, Node 20 and npm, and nothing else.
# Needs root, for debootstrap. Takes some minutes. `check-fresh.sh install` stops after `npm ci`.
set -euo pipefail

stage=${1:-all}
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fail() { echo "error: $1" >&2; echo "hint: $2" >&2; exit 1; }

# In namespaces of its own: however this ends, mounts and processes end with it.
if [ "${LAB_FRESH_ROOT:-}" = "" ]; then
  [ "$(id -u)" = 0 ] || fail "a fresh machine is made by debootstrap, which needs root" "sudo npm run check:fresh"
  command -v debootstrap >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends debootstrap; }
  LAB_FRESH_ROOT=$(mktemp -d)
  chmod 755 "$LAB_FRESH_ROOT"
  export LAB_FRESH_ROOT
  trap 'rm -rf --one-file-system "$LAB_FRESH_ROOT"' EXIT
  unshare --mount --pid --fork --kill-child "${BASH_SOURCE[0]}" "$stage"
  exit
fi
machine=$LAB_FRESH_ROOT

# npm scripts put the project's own Node in front of the path; a newcomer has the machine's.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
node=$(readlink -f "$(command -v node)")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
case $("$node" --version) in v20.*) ;; *) fail "this machine has Node $("$node" --version)" "install Node 20, which is what a newcomer has" ;; esac

echo "== Debian 12 in $machine"
debootstrap --variant=minbase --include=git,ca-certificates,libstdc++6,procps bookworm "$machine" >"$machine.log" 2>&1 ||
  fail "debootstrap failed" "$(tail -3 "$machine.log")"
rm "$machine.log"
mount -t proc proc "$machine/proc"
mount --rbind /dev "$machine/dev"
mount --make-rslave "$machine/dev"
cp -L /etc/resolv.conf "$machine/etc/resolv.conf"
cp -L /etc/hosts "$machine/etc/hosts"
mkdir -p "$machine/usr/lib/node_modules"
cp "$node" "$machine/usr/bin/node"
cp -r "$npm" "$machine/usr/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$machine/usr/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$machine/usr/bin/npx"
chroot "$machine" useradd --create-home --shell /bin/bash newcomer

# How this machine reaches packages is its own affair; the fresh one is told the same. Asked as by a login: an npm that
# runs this script has put its own settings into the environment.
npmrc=$machine/etc/npmrc-of-this-machine
setting() { (cd / && env -i HOME="$HOME" PATH="$PATH" npm config get "$1" 2>/dev/null); }
for key in registry proxy https-proxy noproxy; do
  value=$(setting "$key")
  case $value in "" | null | undefined) ;; *) echo "$key=$value" ;; esac
done >"$npmrc"
certificates=$(setting cafile)
if [ -f "$certificates" ]; then
  cp -L "$certificates" "$machine/etc/npm-certificates.pem"
  echo "cafile=/etc/npm-certificates.pem" >>"$npmrc"
fi

for user in newcomer root; do
  home=$(chroot "$machine" sh -c "echo ~$user")
  git -c safe.directory="$project" clone -q --no-hardlinks "$project" "$machine$home/lab"
  cp "$npmrc" "$machine$home/.npmrc"
  chroot "$machine" chown -R "$user:" "$home"
done

# A login shell with nothing inherited from here.
timed() {
  local user=$1 command=$2 started=$SECONDS
  echo "== $user: $command"
  chroot "$machine" env -i TERM=dumb su --login "$user" -c "cd lab && $command" </dev/null ||
    fail "$user: $command: failed after $((SECONDS - started)) s" "the output is above"
  echo "== $user: $command: $((SECONDS - started)) s"
}

timed newcomer "npm ci"
if [ "$stage" = all ]; then
  timed newcomer "npm run demo"
  timed newcomer "cd / && ~/lab/bin/lab --context demo get servers"
  timed newcomer "bin/lab demo down"
  timed newcomer "npm test"
fi
timed root "npm ci"
[ "$stage" != all ] || timed root "npm test"
echo "a newcomer gets all of it"
