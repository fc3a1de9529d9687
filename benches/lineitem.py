"""TPC-H lineitem to Pinot segments: Pinotage beside Pinot's own builder.

    python3 benches/lineitem.py [--scale 0.1] [--no-java]     (or: cargo xtask bench …)

Makes four Parquet files with tpchgen-cli (PyPI) under target/bench, builds their segments with the release binary and with
SegmentIndexCreationDriverImpl of Pinot 1.5.1 (java/bench, which measures the build alone, rows already in memory), and prints rows
a second, CPU-seconds and peak memory of both. Pinotage's figures are of the whole process, reading Parquet included.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = 4
# Metrics and the comment without dictionaries, as in the figures of Pinot's own job; the ship date is the time column.
RAW = ["l_extendedprice", "l_comment"]
TYPES = {
    "l_orderkey": "LONG", "l_partkey": "LONG", "l_suppkey": "LONG", "l_linenumber": "INT", "l_quantity": "DOUBLE",
    "l_extendedprice": "DOUBLE", "l_discount": "DOUBLE", "l_tax": "DOUBLE", "l_returnflag": "STRING", "l_linestatus": "STRING",
    "l_shipdate": "STRING", "l_commitdate": "STRING", "l_receiptdate": "STRING", "l_shipinstruct": "STRING", "l_shipmode": "STRING",
    "l_comment": "STRING",
}


def make_data(work, scale):
    """Parquet files of the scale, made once."""
    data = work / f"lineitem-{scale}"
    if data.is_dir() and len(list(data.rglob("*.parquet"))) == PARTS:
        return sorted(data.rglob("*.parquet"))
    tools = work / "tools"
    if not (tools / "bin" / "tpchgen-cli").exists():
        venv.create(tools, with_pip=True)
        subprocess.run([tools / "bin" / "pip", "install", "--quiet", "tpchgen-cli"], check=True)
    shutil.rmtree(data, ignore_errors=True)
    command = [tools / "bin" / "tpchgen-cli", "parquet", "-s", str(scale), "--tables=lineitem", f"--parts={PARTS}", f"--output-dir={data}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return sorted(data.rglob("*.parquet"))


def write_config(work, files):
    """The same schema and table config for both, and the job."""
    fields = [{"name": name, "dataType": kind} for name, kind in TYPES.items()]
    (work / "schema.json").write_text(json.dumps({"schemaName": "lineitem", "dimensionFieldSpecs": fields}))
    table = {"tableName": "lineitem_OFFLINE", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1"}, "tenants": {},
             "tableIndexConfig": {"loadMode": "MMAP", "noDictionaryColumns": RAW}, "metadata": {}}
    (work / "table.json").write_text(json.dumps(table))
    job = {"name": "lineitem", "source": {"kind": "files", "format": "parquet", "paths": [str(file) for file in files]},
           "sink": {"kind": "pinot", "table": "lineitem", "schema": "schema.json", "tableConfig": "table.json", "output": "ours"}}
    (work / "job.yaml").write_text(json.dumps(job))


def measure(command):
    """Wall seconds, CPU-seconds and peak memory in MiB of a process, and what it printed."""
    start = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE)
    out = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="TPC-H scale factor (1 is 6,001,215 rows)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--profile", choices=["release", "dev"], default="release", help="dev is the tests' build, its hot crates optimised")
    parser.add_argument("--no-java", action="store_true", help="leave Pinot's own builder out")
    options = parser.parse_args()
    work = ROOT / "target" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    files = make_data(work, options.scale)
    write_config(work, files)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    subprocess.run(["cargo", "build", "--profile", options.profile, "--quiet", "-p", "pinotage-cli"], cwd=ROOT, check=True)
    folder = "release" if options.profile == "release" else "debug"
    shutil.rmtree(work / "ours", ignore_errors=True)
    run = [target / folder / "pinotage", "run", work / "job.yaml", "--force", "--threads", options.threads]
    wall, cpu, peak, out = measure(run)
    rows = sum(int(line.split(" rows read")[0].rsplit(" ", 1)[1]) for line in out.splitlines() if " rows read" in line)
    print(f"{'':10}{'rows':>10}{'wall s':>9}{'rows/s':>12}{'CPU s':>8}{'rows/CPU s':>12}{'peak MiB':>10}")
    line = "{:10}{:>10}{:>9.2f}{:>12.0f}{:>8.2f}{:>12.0f}{:>10.0f}"
    print(line.format("pinotage", rows, wall, rows / wall, cpu, rows / cpu, peak))
    if options.no_java:
        return
    subprocess.run(["mvn", "-B", "-q", "-f", "java/pom.xml", "-Pbench", "package"], cwd=ROOT, check=True)
    bench = ROOT / "java" / "bench" / "target"
    shutil.rmtree(work / "theirs", ignore_errors=True)
    java = ["java", "-Xmx6g", "-cp", f"{bench / 'classes'}:{(bench / 'classpath.txt').read_text().strip()}", "io.pinotage.bench.Bench",
            "--schema", work / "schema.json", "--table", work / "table.json", "--out", work / "theirs", "--threads", options.threads, *files]
    *_, peak, out = measure(java)
    print("java says: " + " ".join(out.split()))
    print(f"java peak of the whole process, loaded rows included: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
