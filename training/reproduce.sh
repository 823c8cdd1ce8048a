#!/usr/bin/env bash
# Trains the reasoner from nothing, evaluates and exports it. An interrupted run goes on where it was.
# usage: reproduce.sh MODELS DATA RUN
set -euo pipefail
models=$1 data=$2 run=$3
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1

for split in train val; do
  [ -f "$run/$split.npz" ] ||
    python -m tessera_training.photos --split $split --models "$models" --data "$data" --out "$run/$split.npz"
done
python -m tessera_training.train --photos "$run/train.npz" --models "$models" --out "$run"
python -m tessera_training.curves "$run/log.jsonl" "$run/curves.png"
python -m tessera_training.weights "$run/checkpoint.pt" "$run/reasoner.pt"
python -m tessera_training.evaluate --weights "$run/reasoner.pt" --models "$models" --photos "$run/train.npz" --simulated 150
python -m tessera_training.evaluate --weights "$run/reasoner.pt" --models "$models" --photos "$run/val.npz"
python -m tessera_training.export --weights "$run/reasoner.pt" --out "$run/reasoner.onnx"
