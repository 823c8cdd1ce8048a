#!/usr/bin/env bash
# Trains the dual encoder from nothing, evaluates soft prompts on it and exports it.
# usage: reproduce-dual.sh MODELS APPAREL COCO RUN
set -euo pipefail
models=$1 apparel=$2 coco=$3 run=$4

[ -f "$run/cache/labels.json" ] ||
  python -m tessera_composition.features --models "$models" --apparel "$apparel" --coco "$coco" --out "$run/cache"
python -m tessera_composition.train --cache "$run/cache" --models "$models" --out "$run"
python -m tessera_training.curves "$run/log.jsonl" "$run/curves.png"
python -m tessera_composition.study --weights "$run/dual.pt" --cache "$run/cache" --models "$models" \
  --seeds 0 1 2 --worlds closed open --json "$run/study.json"
python -m tessera_composition.export --weights "$run/dual.pt" --models "$models" --training "$run/training.json" \
  --out "$run/export"
