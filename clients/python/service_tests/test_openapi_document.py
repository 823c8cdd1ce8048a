"""A client is generated from the OpenAPI document without a warning."""

import os
import pathlib
import subprocess
import sys

CLIENT = pathlib.Path(__file__).parent.parent
DOCUMENT = CLIENT.parent.parent / "openapi" / "openapi.json"


def test_openapi_python_client_generates_without_a_warning(tmp_path):
    programs = pathlib.Path(sys.executable).parent
    command = [programs / "openapi-python-client", "generate", "--path", DOCUMENT, "--fail-on-warning"]
    options = [
        "--config",
        CLIENT / "openapi-python-client.yaml",
        "--meta",
        "none",
        "--output-path",
        tmp_path / "client",
    ]
    # It formats what it writes with the ruff on the PATH.
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "arning" not in done.stdout, done.stdout
    subprocess.run([sys.executable, "-c", "import client.api.segmentation.segment"], cwd=tmp_path, check=True)
