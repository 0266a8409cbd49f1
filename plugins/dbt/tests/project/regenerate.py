#!/usr/bin/env python3
"""Makes the artifacts of this project again, with the real tool.

Usage: python3 plugins/dbt/tests/project/regenerate.py [PYTHON]

PYTHON is that of an environment in which requirements.txt is installed; without it, one is made
in a temporary folder. It copies the project there, loads raw.sql into an empty DuckDB file, runs
`dbt build` (whose failures belong to the case), `dbt source freshness` and `dbt docs generate`,
and writes what they leave to ../golden/what_a_real_project_leaves/inputs, without what depends on
the machine and the moment (paths, ids of users, times, durations) and without what the extractor
does not read and dbt repeats in every project (macros, docs, and lists of who depends on whom).
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid
import venv

PROJECT = pathlib.Path(__file__).resolve().parent
INPUTS = PROJECT.parent / "golden/what_a_real_project_leaves/inputs"
# Each command, the artifacts of it that are kept, and when it is said to have run.
COMMANDS = (
    (["build"], ("manifest.json", "run_results.json"), "2026-01-05T05:00:00"),
    (["source", "freshness"], ("sources.json",), "2026-01-05T05:10:00"),
    (["docs", "generate"], ("catalog.json",), "2026-01-05T05:20:00"),
)
LEFT_OUT = ("macros", "docs", "parent_map", "child_map", "group_map", "disabled", "selectors")
TIMES = ("generated_at", "invocation_started_at", "run_started_at", "started_at", "completed_at", "snapshotted_at")
DURATIONS = ("execution_time", "elapsed_time", "max_loaded_at_time_ago_in_s")


def normalise(value, at, paths):
    if isinstance(value, dict):
        fixed = {key: f"{at}Z" for key in TIMES} | {key: 0.0 for key in DURATIONS}
        fixed |= {
            "created_at": 0.0,
            "invocation_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://shop.example/{at}")),
            "user_id": None,
            "thread_id": "Thread-1",
        }
        return {
            key: fixed[key] if key in fixed and not isinstance(item, dict) else normalise(item, at, paths)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [normalise(item, at, paths) for item in value]
    if isinstance(value, str):
        for path, stand_in in paths:
            value = value.replace(path, stand_in)
    return value


def tidied(artifact):
    for key in LEFT_OUT:
        artifact.pop(key, None)
    artifact.pop("args", None) if "nodes" in artifact else None
    if "args" in artifact:
        artifact["args"] = {"which": artifact["args"]["which"]}
    for key, section in artifact.items():
        if isinstance(section, dict) and key != "metadata":
            artifact[key] = dict(sorted(section.items()))
    if "results" in artifact:
        artifact["results"].sort(key=lambda result: result["unique_id"])
    return artifact


def main():
    with tempfile.TemporaryDirectory() as name:
        workspace = pathlib.Path(name).resolve()
        if len(sys.argv) > 1:
            python = pathlib.Path(sys.argv[1]).absolute()
        else:
            venv.create(workspace / "venv", with_pip=True)
            python = workspace / "venv/bin/python"
            subprocess.run([python, "-m", "pip", "install", "-qr", PROJECT / "requirements.txt"], check=True)
        project = workspace / "shop"
        shutil.copytree(PROJECT, project)
        warehouse = workspace / "warehouse.duckdb"
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(workspace),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "WAREHOUSE_FILE": str(warehouse),
        }
        load = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(open(sys.argv[2]).read())"
        subprocess.run([python, "-c", load, warehouse, project / "raw.sql"], check=True)
        INPUTS.mkdir(parents=True, exist_ok=True)
        paths = [(str(project), "/project"), (str(workspace), "/workspace")]
        for command, kept, at in COMMANDS:
            dbt = [python.parent / "dbt", "--no-partial-parse", "--no-use-colors", *command]
            done = subprocess.run(dbt, cwd=project, env=environment, text=True, capture_output=True, check=False)
            print(done.stdout, done.stderr, "exit", done.returncode)
            for file in kept:
                artifact = json.loads((project / "target" / file).read_text())
                artifact = tidied(normalise(artifact, at, paths))
                (INPUTS / file).write_text(json.dumps(artifact, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
