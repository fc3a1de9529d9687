"""TPC-H lineitem in Spark: rows that nobody keeps (`noop`), of a real Pinot, directly and by its server, beside Spark over Parquet
files of the same rows; and an aggregation.

    python3 benches/spark.py [--write] [--scale 0.25] [--rounds 5] [--library libpinotage.so]     (or: cargo xtask bench spark …)

Starts Pinot 1.5.1 (java/cluster, one server), pushes the four segments that benches/lineitem.py builds, and Spark 4 in one JVM with a
core for each task. All ways take turns in it, the first turn is not counted, and the table has medians. The planning of a query is
part of its time; Parquet and the segments (`cache`) are in the page cache. `bytes` is a client that asks the server the same and throws
its answers away, `library` the native library without Spark, whose batches nobody looks at.

With --write the same rows go from Parquet through Spark into an empty table, in place of those of the turn before, and to nobody
(`noop`): the difference in CPU-seconds of that process is what writing takes, pushing included. Beside it stands Pinot's own builder
over rows in memory, as in benches/lineitem.py.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import lineitem
import scan
from lineitem import ROOT, measure

EVERY = list(lineitem.TYPES)
COLUMNS = {"1 column": ["l_partkey"], "5 columns": scan.FIVE, "16 columns": EVERY}
QUERIES = {
    **{case: f"SELECT {', '.join(columns)} FROM {{t}}" for case, columns in COLUMNS.items()},
    "sums by two keys": "SELECT l_returnflag, l_linestatus, COUNT(*), SUM(l_linenumber), MAX(l_partkey) FROM {t} GROUP BY l_returnflag, l_linestatus",
}
OPENED = ["lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util", "util.concurrent", "util.concurrent.atomic"]


class Spark:
    """A JVM that runs the scenarios of java/spark/scenarios."""

    def __init__(self, class_path, library, folder):
        self.script = folder / "script.sql"
        opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENED]
        opened += [f"--add-opens=java.base/sun.{name}=ALL-UNNAMED" for name in ("nio.ch", "nio.cs", "security.action", "util.calendar")]
        settings = [f"spark.master=local[{os.cpu_count()}]", "spark.sql.shuffle.partitions=4"]
        command = ["java", *opened, "-Xmx4g", f"-Dpinotage.library={library}", "-cp", class_path,
                   "io.pinotage.spark.scenarios.Main", *settings]
        self.log = open(folder / "spark.log", "w")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"Spark did not start; its log is {self.log.name}")

    def run(self, scenario, statements, **options):
        self.script.write_text(statements)
        words = [f"{name}={value}" for name, value in {"script": self.script, **options}.items()]
        return self.ask(scenario, " ".join(words))

    def ask(self, scenario, options):
        print(f"{scenario} {options}", file=self.process.stdin, flush=True)
        state, _, said = self.process.stdout.readline().strip().partition(" ")
        if state != "ok":
            sys.exit(f"{scenario} {options}: {state} {said}")
        return said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def native(spark, pinot, target, columns):
    """What servers and the library take for the same columns: bytes of the answers that nobody looks at, by a process of its own; and
    batches that nobody looks at, in the process of Spark. A function for each, that gives seconds."""
    splits = scan.run(scan.scan(target, pinot.controller, columns, reader="server"))[-1]["splits"]
    discard = scan.discard(target, pinot, columns, "", splits)
    drain = f"table=lineitem controller={pinot.controller} columns={','.join(columns)}"
    return {"bytes": lambda: scan.run(discard)[1], "library": lambda: float(spark.ask("drain", drain).split()[1])}


def compare(spark, pinot, target, files, cache, rounds):
    view = lambda reader: (f"VIEW t ('controller' = '{pinot.controller}', 'table' = 'lineitem', 'reader' = '{reader}', 'cache' = '{cache}');\n", "t")
    ways = {"Parquet": ("", f"parquet.`{files[0].parent}`"), "direct": view("direct"), "server": view("server")}
    print(f"{'':20}{'':10}{'s':>8}{'Mrows/s':>9}{'x Parquet':>11}{'x bytes':>9}")
    for case, query in QUERIES.items():
        apart = native(spark, pinot, target, COLUMNS[case]) if case in COLUMNS else {}
        answers, found = set(), {name: [] for name in [*ways, *apart]}
        for turn in range(rounds + 1):
            for name, (view, table) in ways.items():
                statements = view + query.replace("{t}", table) + ";"
                if turn:
                    found[name].append(float(spark.run("noop", statements)))
                    continue
                # The first turn fills caches, and shows that all ways have the same rows.
                counted = view + f"SELECT COUNT(*) FROM ({query.replace('{t}', table)});"
                answers.add(spark.run("sql", counted))
                spark.run("noop", statements)
            for name, read in apart.items():
                seconds = read()
                if turn:
                    found[name].append(seconds)
        if len(answers) != 1:
            sys.exit(f"{case}: different numbers of rows: {answers}")
        parquet = statistics.median(found["Parquet"])
        client = statistics.median(found.get("bytes", [float("nan")]))
        for name, seconds in found.items():
            middle = statistics.median(seconds)
            print(f"{case:20}{name:10}{middle:>8.3f}{sum(scan.ROWS) / middle / 1e6:>9.2f}{parquet / middle:>11.2f}{client / middle:>9.2f}")
            case = ""


SPARK_TYPES = {"LONG": "BIGINT", "INT": "INT", "DOUBLE": "DOUBLE", "STRING": "STRING"}


def write(spark, pinot, work, files, rounds):
    # Decimals and dates become what the table has; that is Spark's own work in both.
    columns = ", ".join(f"CAST({name} AS {SPARK_TYPES[kind]}) AS {name}" for name, kind in lineitem.TYPES.items())
    query = f"SELECT {columns} FROM parquet.`{files[0].parent}`"
    staging = work / "spark-staging"
    shutil.rmtree(staging, ignore_errors=True)
    into = {"o:controller": pinot.controller, "o:table": "lineitem", "o:staging": staging}
    ways = {"noop": {}, "pinotage": into}
    found = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, options in ways.items():
            figures = [float(number) for number in spark.run("cost", query, **options).split()]
            if turn:
                found[name].append(figures)
    rows = lineitem.rows_of(work, files)
    pinot.await_rows(rows)
    wall, cpu = ({name: statistics.median(figures[at] for figures in all) for name, all in found.items()} for at in (0, 1))
    print(f"{rows} rows, in Spark: {'':6}{'wall s':>9}{'CPU s':>9}")
    for name in ways:
        print(f"  {name:24}{wall[name]:>9.2f}{cpu[name]:>9.2f}")
    ours = rows / (cpu["pinotage"] - cpu["noop"])
    print(f"net of noop: {cpu['pinotage'] - cpu['noop']:.2f} CPU-seconds, {ours:.0f} rows/CPU s", flush=True)
    theirs = json.loads(lineitem.build_by_java(work, files, os.cpu_count())[1])["rows_per_cpu_second"]
    print(f"Pinot's own builder, rows in memory: {theirs:.0f} rows/CPU s; {ours / theirs:.1f} x")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="TPC-H scale factor (1 is 6,001,215 rows)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="writing in place of reading")
    parser.add_argument("--library", type=pathlib.Path, help="a built libpinotage.so; by default it is built")
    parser.add_argument("--pinotage", type=pathlib.Path, help="a built command that makes the segments; by default it is built")
    options = parser.parse_args()
    work = ROOT / "target" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    files = lineitem.make_data(work, options.scale)
    lineitem.write_config(work, files)
    library, command = options.library, options.pinotage
    if library is None:
        subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "pinotage-jni"], cwd=ROOT, check=True)
        library = target / "release/libpinotage.so"
    path = next(line.split("=", 1)[1] for line in scan.java_class_paths() if line.startswith("PINOTAGE_SPARK_4_CLASSPATH="))
    if options.write:
        with scan.Pinot(work, []) as pinot, tempfile.TemporaryDirectory() as folder, Spark(path, library, pathlib.Path(folder)) as spark:
            write(spark, pinot, work, files, options.rounds)
        return
    if command is None:
        subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "pinotage-cli"], cwd=ROOT, check=True)
        command = target / "release/pinotage"
    examples = ["-p", "pinotage-scan", "-p", "pinotage-client", "--example", "scan_table", "--example", "discard"]
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "pinotage-cli", *examples], cwd=ROOT, check=True)
    segments = work / "ours"
    shutil.rmtree(segments, ignore_errors=True)
    out = measure([command, "run", work / "job.yaml", "--force"])[-1]
    scan.ROWS.extend(int(rows) for rows in re.findall(r"(\d+) rows read", out))
    pushed = sorted(segments.glob("lineitem_*"))
    with scan.Pinot(work, pushed) as pinot, tempfile.TemporaryDirectory() as folder, Spark(path, library, pathlib.Path(folder)) as spark:
        pinot.await_rows(sum(scan.ROWS))
        compare(spark, pinot, target, files, work / "scan-cache", options.rounds)


if __name__ == "__main__":
    main()
