#!/usr/bin/env bash
# Builds both images on the base images of base.sh: localhost/tessera-coordinator and localhost/tessera-site-agent. As root, without a daemon.
#
#   deploy/containers/build.sh
#
# ENGINE: a folder with an engine in ENGINE/engine; without it the engine is built in the site agent's image, which fetches TensorFlow (0.3 GB) and takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
deploy/containers/base.sh

# What lets this machine's npm and pip reach their registries lets those in the image do so.
settings=$(mktemp -d)
trap 'rm -rf "$settings"' EXIT
cat ~/.npmrc >"$settings/npmrc" 2>/dev/null || true
cafile=$(npm config get cafile)
[ "$cafile" = null ] || echo "cafile=$cafile" >>"$settings/npmrc"
cat /etc/pip.conf >"$settings/pip.conf" 2>/dev/null || : >"$settings/pip.conf"

# build IMAGE ARGUMENTS: the image before it goes first, else it would stay on the disk without a name.
build() {
  local image="localhost/$1"
  shift
  buildah rmi "$image" >/dev/null 2>&1 || true
  buildah build --quiet --isolation=chroot --ignorefile deploy/containers/containerignore \
    --volume /etc/ssl/certs:/etc/ssl/certs:ro --volume "$(npm config get cache):/root/.npm" \
    --secret "id=npmrc,src=$settings/npmrc" --secret "id=pipconf,src=$settings/pip.conf" \
    --build-arg BUILD=localhost/tessera-build -t "$image" "$@" . >/dev/null
}
build tessera-coordinator --build-arg BASE=localhost/tessera-base-coordinator -f deploy/containers/coordinator.Containerfile
build tessera-site-agent --build-arg BASE=localhost/tessera-base-site ${ENGINE:+--build-context "engine=$ENGINE"} -f deploy/containers/site-agent.Containerfile
