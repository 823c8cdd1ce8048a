"""Renders the Helm chart as `helm template` does, and checks what Kubernetes itself defines against its schemas.

Reads {"chart": path, "values": {…}} from the standard input and prints the list of manifests.
"""

import json
import sys

import helm_python
import kubernetes_validate
import yaml

# Of other projects: their schemas are not in kubernetes-validate.
OTHERS = {"keda.sh/v1alpha1", "monitoring.coreos.com/v1"}

request = json.load(sys.stdin)
with helm_python.Chart.load(request["chart"]) as chart:
    try:
        files = chart.render(request["values"], name="demo", namespace="prod")
    except helm_python.HelmError as error:
        sys.exit(str(error))
manifests = [manifest for text in files.values() for manifest in yaml.safe_load_all(text) if manifest]
for manifest in manifests:
    if manifest["apiVersion"] in OTHERS:
        continue
    for version in ["1.28", "1.37"]:
        kubernetes_validate.validate(manifest, version, strict=True)
print(json.dumps(manifests))
