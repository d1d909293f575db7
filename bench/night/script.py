"""Runs a script of SQL in DuckDB, statement by statement, and tells what each took.

script.py SETTINGS, as JSON: script, threads, memory, spill. It prints JSON.
"""
import json
import re
import sys
import time

import duckdb

made = re.compile(r"CREATE (?:OR REPLACE )?TEMP (?:TABLE|VIEW) \"?(\w+)|COPY .* TO '[^']*?([^/']+)\.parquet'", re.S)


def title(statement):
    found = made.search(statement)
    if not found:
        return "settings and macros"
    return found.group(1) or "writing " + found.group(2)


def main():
    settings = json.loads(sys.argv[1])
    connection = duckdb.connect(config={"threads": settings["threads"]})
    if settings["memory"]:
        connection.execute(f"SET memory_limit = '{settings['memory']}'")
    connection.execute(f"SET temp_directory = '{settings['spill']}'")
    with open(settings["script"], encoding="utf-8") as f:
        statements = duckdb.extract_statements(f.read())
    took = {}
    for statement in statements:
        wall, cpu = time.perf_counter(), time.process_time()
        name = title(statement.query)
        try:
            connection.execute(statement)
        except duckdb.Error as err:
            sys.exit(f"{name}: {err}")
        entry = took.setdefault(name, [0.0, 0.0])
        entry[0] += time.perf_counter() - wall
        entry[1] += time.process_time() - cpu
    json.dump({
        "version": "DuckDB " + duckdb.__version__,
        "parts": [{"name": n, "seconds": w, "cpu": c} for n, (w, c) in took.items()],
    }, sys.stdout)


main()
