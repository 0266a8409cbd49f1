#!/usr/bin/env python3
"""Makes the artifacts of this mesh again, with the real tools.

Usage: python3 examples/mesh/regenerate.py

It needs Python 3.11 or newer and a package index, and writes nothing outside this
folder and a temporary one:

1. makes a virtual environment there and installs requirements.txt;
2. copies the projects there, and loads warehouse/raw.sql into an empty DuckDB file;
3. runs `dbt build` and `dbt docs generate` for orders, then for finance;
4. runs growth/emit.py, which sends its events through the openlineage-python client;
5. makes a virtual environment of board/requirements.txt and a Superset in it, and runs
   board/dashboard.py there, which makes the board's dashboard and exports it;
6. takes out of the artifacts what depends on the machine and the moment (paths, ids
   of users and invocations, times, durations, process ids), sorts what dbt keeps in
   maps by unique id, checks that nothing of the machine is left, and writes the
   result to {orders,finance,board}/artifacts and growth/events.ndjson.

What shop brings are its own files: connectors and contracts are written, not made.

Running it twice writes the same bytes. Everything else in the artifacts is as the
tools wrote it.
"""

import getpass
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
import venv
from datetime import datetime, timezone

MESH = pathlib.Path(__file__).resolve().parent
# When each project is said to have run.
DBT_RUNS = {
    "orders": datetime(2026, 1, 5, 5, 0, tzinfo=timezone.utc),
    "finance": datetime(2026, 1, 5, 6, 0, tzinfo=timezone.utc),
}
# When Superset is said to have exported.
BOARD_EXPORT = datetime(2026, 1, 6, 8, 0, tzinfo=timezone.utc)
ARTIFACTS = ("manifest.json", "catalog.json", "run_results.json")
# What stands for the folder of a project in the artifacts.
PROJECT_ROOT = "/project"
# Maps that dbt keys by unique id: their order says nothing.
MAPS_BY_ID = (
    "nodes", "sources", "macros", "docs", "exposures", "metrics", "groups", "selectors", "parent_map",
    "child_map", "group_map", "saved_queries", "semantic_models", "unit_tests", "functions",
)  # fmt: skip


def run(command, cwd, environment):
    print("+", " ".join(str(part) for part in command[1:]), flush=True)
    done = subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nfailed: {' '.join(map(str, command))}")


def normalise(value, project, paths):
    """Replaces what depends on the machine or the moment; leaves all else as it is."""
    at = DBT_RUNS[project]
    fixed = {
        "generated_at": at.isoformat().replace("+00:00", "Z"),
        "invocation_started_at": at.isoformat().replace("+00:00", "Z"),
        "run_started_at": at.isoformat(),
        "started_at": at.isoformat().replace("+00:00", "Z"),
        "completed_at": at.isoformat().replace("+00:00", "Z"),
        "created_at": at.timestamp(),
        "invocation_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://shop.example/{project}/invocation")),
        "user_id": None,
        "execution_time": 0.0,
        "elapsed_time": 0.0,
        "thread_id": "Thread-1",
    }
    if isinstance(value, dict):
        # A dictionary under one of these keys is a column or a document of that name.
        return {
            key: fixed[key] if key in fixed and not isinstance(item, dict) else normalise(item, project, paths)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [normalise(item, project, paths) for item in value]
    if isinstance(value, str):
        for path, stand_in in paths:
            value = value.replace(path, stand_in)
    return value


def sort_by_id(artifact):
    for key in MAPS_BY_ID:
        if isinstance(artifact.get(key), dict):
            artifact[key] = dict(sorted(artifact[key].items()))
    for key in ("parent_map", "child_map", "group_map"):
        for unique_id, others in (artifact.get(key) or {}).items():
            artifact[key][unique_id] = sorted(others)
    if isinstance(artifact.get("results"), list):
        artifact["results"].sort(key=lambda result: result["unique_id"])
    return artifact


def check_nothing_is_left(text, name, traces):
    for trace in traces:
        found = re.search(rf"(?<![A-Za-z0-9_]){re.escape(trace)}", text)
        if found:
            around = text[max(0, found.start() - 60) : found.end() + 60]
            sys.exit(f"{name} still holds {trace!r}: …{around}…")


def dbt(project, workspace, environment):
    """Builds one project and returns its artifacts, as dbt wrote them, by file name."""
    folder = workspace / project
    target = folder / "target"
    command = [workspace / "venv/bin/dbt", "--no-partial-parse", "--no-use-colors"]
    run([*command, "build"], folder, environment)
    texts = {name: (target / name).read_text() for name in ("manifest.json", "run_results.json")}
    run([*command, "docs", "generate"], folder, environment)
    texts["catalog.json"] = (target / "catalog.json").read_text()
    return texts


def board(workspace, environment):
    """Makes the board's dashboard; what Superset exports, by file name."""
    folder = workspace / "board"
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    run([python, "-m", "pip", "install", "--quiet", "-r", folder / "requirements.txt"], workspace, environment)
    config = folder / "superset_config.py"
    config.write_text('SECRET_KEY = "it lives as long as this export and keeps nothing secret"\n')
    environment = environment | {"SUPERSET_HOME": str(folder), "SUPERSET_CONFIG_PATH": str(config), "FLASK_APP": "superset"}
    superset = folder / "venv/bin/superset"
    run([superset, "db", "upgrade"], folder, environment)
    admin = ["--username", "admin", "--firstname", "A", "--lastname", "B", "--email", "a@shop.example", "--password", "p"]
    run([superset, "fab", "create-admin", *admin], folder, environment)
    run([superset, "init"], folder, environment)
    exported = folder / "exported"
    run([python, "dashboard.py", exported], folder, environment)
    files = {file.relative_to(exported): file.read_text() for file in sorted(exported.rglob("*.yaml"))}
    metadata = pathlib.Path("metadata.yaml")
    files[metadata] = re.sub(r"(?m)^timestamp: .*$", f"timestamp: '{BOARD_EXPORT.isoformat()}'", files[metadata])
    return files


def main():
    with tempfile.TemporaryDirectory(prefix="mesh-") as name:
        workspace = pathlib.Path(name).resolve()
        venv.create(workspace / "venv", with_pip=True)
        warehouse = workspace / "warehouse.duckdb"
        # Nothing of the caller's environment reaches the tools, but for the way to the package index.
        environment = {key: item for key, item in os.environ.items() if key.startswith(("PIP_", "SSL_", "REQUESTS_"))}
        environment |= {key: item for key, item in os.environ.items() if key.lower().endswith("_proxy")}
        environment |= {
            "PATH": "/usr/bin:/bin",
            "HOME": str(workspace),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "WAREHOUSE_FILE": str(warehouse),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        python = workspace / "venv/bin/python"
        run([python, "-m", "pip", "install", "--quiet", "-r", MESH / "requirements.txt"], workspace, environment)
        for folder in (*DBT_RUNS, "growth", "board"):
            shutil.copytree(MESH / folder, workspace / folder, ignore=shutil.ignore_patterns("artifacts", "events.ndjson"))
        load = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(open(sys.argv[2]).read())"
        run([python, "-c", load, warehouse, MESH / "warehouse/raw.sql"], workspace, environment)

        written = {}
        for project in DBT_RUNS:
            paths = [(str(workspace / project), PROJECT_ROOT), (str(workspace), "/workspace")]
            for file, text in dbt(project, workspace, environment).items():
                artifact = sort_by_id(normalise(json.loads(text), project, paths))
                written[MESH / project / "artifacts" / file] = json.dumps(artifact, ensure_ascii=False) + "\n"
        events = workspace / "events.ndjson"
        run([python, "emit.py", events], workspace / "growth", environment)
        written[MESH / "growth/events.ndjson"] = events.read_text()
        for file, text in board(workspace, environment).items():
            written[MESH / "board/artifacts" / file] = text

        home = os.environ.get("HOME", "")
        user, host = getpass.getuser(), socket.gethostname()
        traces = {str(workspace), workspace.name, tempfile.gettempdir() + "/"}
        # Bare, either may well be a word of SQL.
        traces |= {f"/{user}/", f"{user}@", f"//{host}", f"@{host}"}
        traces |= {home} if len(home) > 1 else set()
        for path, text in written.items():
            check_nothing_is_left(text, path.name, sorted(traces))
        for path, text in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(MESH)}, {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
