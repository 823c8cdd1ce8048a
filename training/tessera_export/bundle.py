"""A bundle's directory: it is written beside its place and moved there when it is whole."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import onnx

from tessera_export.folder import CheckpointError
from tessera_training.contract import described

MANIFEST = "bundle.json"
SCHEMA = 3  # BUNDLE_SCHEMA of packages/contracts


class BundleDirectory:
    def __init__(self, out, name=None):
        """Without `name` the bundle is called as its directory, as far as a bundle's name can be the same."""
        self.out = Path(out).absolute()
        if self.out.exists() and not (self.out / MANIFEST).is_file() and not is_empty(self.out):
            raise CheckpointError(f"{self.out} is there and is no bundle; name a directory that does not exist yet.")
        self.name = name or re.sub(r"[^a-z0-9.-]+", "-", self.out.name.lower()).strip("-.")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", self.name):
            raise CheckpointError(
                f'"{self.name}" is no name of a bundle: small letters, digits, dots and hyphens; give --name.'
            )
        # The service leaves hidden directories alone.
        self.staging = self.out.with_name(f".{self.out.name}-{os.getpid()}-new")

    def __enter__(self):
        self.staging.mkdir(parents=True)
        return self

    def __exit__(self, *failure):
        shutil.rmtree(self.staging, ignore_errors=True)

    def path(self, name):
        return self.staging / name

    def finish(self, content, graphs, built_from, on_cuda=None, check=None):
        """
        Writes the manifest and puts the bundle in its place.

        `graphs`: name -> file, contract; `on_cuda`: name -> file of the graph that takes its place on CUDA; `check`
        gets the directory before, and raises where it must not take its place
        """
        files = {path.name: file_of(path) for path in sorted(self.staging.iterdir())}
        described_graphs = {name: self.described_graph(file, contract) for name, (file, contract) in graphs.items()}
        for name, file in (on_cuda or {}).items():
            described_graphs[name]["cuda"] = self.described_graph(file, graphs[name][1])
        manifest = {
            "schema": SCHEMA,
            "name": self.name,
            **content,
            "graphs": described_graphs,
            "built_from": built_from,
            "files": files,
        }
        self.path(MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        if check:
            check(self.staging)
        replaced = self.staging.with_name(self.staging.name.replace("-new", "-old"))
        if self.out.exists():
            self.out.rename(replaced)
        self.staging.rename(self.out)
        shutil.rmtree(replaced, ignore_errors=True)
        return sum(file["bytes"] for file in files.values())

    def described_graph(self, file, contract):
        return {"file": file, **described(onnx.load(self.path(file), load_external_data=False), contract)}


def is_empty(path):
    return path.is_dir() and not any(path.iterdir())


def file_of(path):
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}
