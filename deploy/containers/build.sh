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

build() {
  buildah build --quiet --isolation=chroot --ignorefile deploy/containers/containerignore \
    --volume /etc/ssl/certs:/etc/ssl/certs:ro --volume "$(npm config get cache):/root/.npm" \
    --secret "id=npmrc,src=$settings/npmrc" --secret "id=pipconf,src=$settings/pip.conf" \
    --build-arg BUILD=localhost/tessera-build "$@" .
}
build --build-arg BASE=localhost/tessera-base-coordinator -f deploy/containers/coordinator.Containerfile -t localhost/tessera-coordinator
build --build-arg BASE=localhost/tessera-base-site ${ENGINE:+--build-context "engine=$ENGINE"} -f deploy/containers/site-agent.Containerfile -t localhost/tessera-site-agent
