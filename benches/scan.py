"""Scans of TPC-H lineitem in a real Pinot: by servers and directly, beside DataFusion over Parquet and beside a client that
throws the servers' answers away.

    python3 benches/scan.py [--scale 0.25] [--rounds 3] [--p99]     (or: cargo xtask bench scan …)

Starts Pinot 1.5.1 (java/cluster, one server), pushes the four segments that benches/lineitem.py builds, and reads 1, 5 and all 16
columns, and five with a filter that few rows pass. Every figure is of a process of its own that reads everything once and
keeps nothing; all ways take turns, and the table has medians. `peak MiB` and `CPU s` are of that process alone, not of Pinot; of
DataFusion (the wheel of PyPI) without the start of Python. What a scan asks the controller before it reads is part of its time.
"""

import argparse
import io
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
import urllib.request

import lineitem
from lineitem import ROOT, measure

FIVE = ["l_orderkey", "l_quantity", "l_extendedprice", "l_shipdate", "l_shipmode"]
CASES = {"1 column": (["l_partkey"], ""), "5 columns": (FIVE, ""), "16 columns": (list(lineitem.TYPES), ""),
         "5, few rows": (FIVE, "l_shipdate=1995-03-15")}
LIMIT_MIB = 32
# What a process has besides the waiting answers: code, connections, and one message of each request on its way.
BESIDE_MIB = 160


class Pinot:
    """A cluster of this run with the table."""

    def __init__(self, work, segments):
        path = next(line.split("=", 1)[1] for line in java_class_paths() if line.startswith("PINOTAGE_CLUSTER_CLASSPATH="))
        folder = work / "pinot"
        shutil.rmtree(folder, ignore_errors=True)
        # It ends when its standard input does.
        command = ["java", "-Xmx2g", "-cp", path, "io.pinotage.cluster.ClusterMain", folder]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the cluster did not start; its log is {folder / 'cluster.log'}")
        self.addresses = json.loads(line)
        self.controller = self.addresses["controller"]
        server = self.addresses["servers"][0]
        self.grpc = f"{server['host']}:{server['grpcPort']}"
        for what, file in [("schemas", "schema.json"), ("tables", "table.json")]:
            self.post(f"{self.controller}/{what}", (work / file).read_bytes(), "application/json")
        for segment in segments:
            self.upload(segment)

    def post(self, url, body, content_type):
        request = urllib.request.Request(url, body, {"Content-Type": content_type})
        return urllib.request.urlopen(request, timeout=120).read()

    def upload(self, segment):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
            tar.add(segment, segment.name)
        head = f'--b5f0d7c9\r\nContent-Disposition: form-data; name="segment"; filename="{segment.name}.tar.gz"\r\n\r\n'
        body = head.encode() + archive.getvalue() + b"\r\n--b5f0d7c9--\r\n"
        url = f"{self.controller}/v2/segments?tableName=lineitem&tableType=OFFLINE"
        self.post(url, body, "multipart/form-data; boundary=b5f0d7c9")

    def query(self, sql):
        body = json.dumps({"sql": sql}).encode()
        answer = json.loads(self.post(f"{self.addresses['broker']}/query/sql", body, "application/json"))
        return answer.get("resultTable", {}).get("rows"), answer.get("exceptions")

    def await_rows(self, rows):
        deadline = time.monotonic() + 120
        while self.query("SELECT COUNT(*) FROM lineitem") != ([[rows]], []):
            if time.monotonic() > deadline:
                sys.exit(f"the table has not {rows} rows after two minutes")
            time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def java_class_paths():
    return subprocess.run(["cargo", "xtask", "java"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()


def datafusion(columns, condition, files):
    """Runs in the tools' Python: reads the files batch by batch."""
    from datafusion import SessionContext
    used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    start, before = time.monotonic(), used()
    context = SessionContext()
    context.register_parquet("lineitem", str(pathlib.Path(files[0]).parent))
    where = " WHERE {} = '{}'".format(*condition.split("=", 1)) if condition else ""
    frame = context.sql(f"SELECT {columns} FROM lineitem{where}")
    rows = sum(batch.to_pyarrow().num_rows for batch in frame.execute_stream())
    seconds, cpu = time.monotonic() - start, used() - before
    peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu": cpu, "peakKib": int(peak)}))


def scan(target, place, columns, condition="", rounds=1, **options):
    return [target / "release/examples/scan_table", place, "lineitem", ",".join(columns), condition, json.dumps(options), rounds]


def discard(target, pinot, columns, condition, splits):
    where = ' WHERE "{}" = \'{}\''.format(*condition.split("=", 1)) if condition else ""
    names = ", ".join(f'"{column}"' for column in columns)
    sql = f'SET timeoutMs=300000; SELECT {names} FROM "lineitem_OFFLINE"{where} LIMIT 2147483647'
    return [target / "release/examples/discard", pinot.grpc, "lineitem_OFFLINE", sql, 2, *[",".join(split) for split in splits]]


def run(command):
    """Rows, seconds, CPU-seconds and peak memory in MiB of a process that reads once."""
    _, cpu, _, out = measure(command)
    answer = json.loads(out.splitlines()[-1])
    # What the system counts begins with the peak of this process, which started it.
    return answer.get("rows"), answer["seconds"], answer.get("cpu", cpu), answer["peakKib"] / 1024, answer


def latencies(pinot, seconds_or_process):
    """Seconds of queries of one broker's client, one after the other."""
    found, number = [], 0
    deadline = time.monotonic() + seconds_or_process if isinstance(seconds_or_process, (int, float)) else None
    while time.monotonic() < deadline if deadline else seconds_or_process.poll() is None:
        number += 1
        start = time.monotonic()
        _, exceptions = pinot.query(f"SELECT SUM(l_quantity) FROM lineitem WHERE l_partkey = {number}")
        found.append(time.monotonic() - start)
        if exceptions:
            sys.exit(f"the broker answers {exceptions}")
    return sorted(found)


def report_latencies(pinot, target):
    latencies(pinot, 3)
    print(f"\n{'queries of one client, ms':34}{'queries':>9}{'p50':>8}{'p99':>8}{'max':>8}")
    every = list(lineitem.TYPES)
    # A process that reads again and again until enough queries were asked.
    busy = {"idle": None, "scan by servers, 16 columns": "server", "scan directly, 16 columns": "direct"}
    for name, reader in busy.items():
        if reader is None:
            found = latencies(pinot, 10)
        else:
            words = [str(word) for word in scan(target, pinot.controller, every, rounds=5, reader=reader)]
            scanning = subprocess.Popen(words, stdout=subprocess.DEVNULL)
            found = latencies(pinot, scanning)
        at = lambda share: found[min(int(len(found) * share), len(found) - 1)] * 1000
        print(f"{name:34}{len(found):>9}{at(0.5):>8.1f}{at(0.99):>8.1f}{found[-1] * 1000:>8.1f}")


def compare(pinot, target, tools, files, segments, cache, rounds):
    print(f"{'':14}{'':26}{'rows':>10}{'wall s':>8}{'Mrows/s':>9}{'CPU s':>8}{'Mrows/CPU s':>13}{'peak MiB':>10}")
    for case, (columns, condition) in CASES.items():
        # What the scan asks servers for is what the other client asks for.
        splits = run(scan(target, pinot.controller, columns, condition, reader="server"))[-1]["splits"]
        ways = {
            "direct, from the cache": scan(target, pinot.controller, columns, condition, reader="direct", cache=str(cache)),
            "direct, from a folder": scan(target, segments, columns, condition),
            "DataFusion over Parquet": [tools / "bin/python", __file__, "--datafusion", ",".join(columns), condition, *files],
            "server": scan(target, pinot.controller, columns, condition, reader="server"),
            "server, bytes discarded": discard(target, pinot, columns, condition, splits),
        }
        found = {name: [] for name in ways}
        for turn in range(rounds + 1):
            for name, command in ways.items():
                outcome = run(command)
                # The first turn fills caches.
                if turn:
                    found[name].append(outcome)
        counts = {outcome[0] for outcomes in found.values() for outcome in outcomes if outcome[0] is not None}
        if len(counts) != 1:
            sys.exit(f"different numbers of rows: {counts}")
        rows = counts.pop()
        total = rows if not condition else sum(ROWS)
        for name, outcomes in found.items():
            wall, cpu, peak = (statistics.median(outcome[at] for outcome in outcomes) for at in (1, 2, 3))
            print(f"{case:14}{name:26}{rows:>10}{wall:>8.3f}{total / wall / 1e6:>9.2f}{cpu:>8.2f}{total / cpu / 1e6:>13.2f}{peak:>10.0f}")
            case = ""


def bounds(pinot, target):
    """Memory and pace stay within their limits; the program fails when not."""
    every = list(lineitem.TYPES)
    *_, free, _ = run(scan(target, pinot.controller, every, reader="server"))
    *_, bound, _ = run(scan(target, pinot.controller, every, reader="server", memory=f"{LIMIT_MIB}MiB"))
    print(f"\npeak MiB of a scan by servers, 16 columns: {free:.0f}; with `memory` of {LIMIT_MIB} MiB: {bound:.0f}")
    rate = sum(ROWS) // 10
    _, seconds, *_ = run(scan(target, pinot.controller, ["l_partkey"], reader="server", rowsPerSecond=rate))
    print(f"rows a second where {rate} are allowed: {sum(ROWS) / seconds:.0f} ({sum(ROWS) / seconds / rate:.1%}) for {seconds:.1f} s")
    if bound > LIMIT_MIB + BESIDE_MIB:
        sys.exit(f"expected at most {LIMIT_MIB + BESIDE_MIB} MiB")
    if not 0.9 <= sum(ROWS) / seconds / rate <= 1.1:
        sys.exit("expected the allowed rate within a tenth")


ROWS = []


def main():
    if sys.argv[1:2] == ["--datafusion"]:
        return datafusion(sys.argv[2], sys.argv[3], sys.argv[4:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="TPC-H scale factor (1 is 6,001,215 rows)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--p99", action="store_true", help="how long queries wait while the table is read")
    parser.add_argument("--pinotage", type=pathlib.Path, help="a built command that makes the segments; by default it is built")
    options = parser.parse_args()
    work = ROOT / "target" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    files = lineitem.make_data(work, options.scale)
    lineitem.write_config(work, files)
    tools = work / "tools"
    if not list(tools.glob("lib/*/site-packages/datafusion")):
        subprocess.run([tools / "bin" / "pip", "install", "--quiet", "datafusion==53.*", "pyarrow"], check=True)
    examples = ["-p", "pinotage-cli", "-p", "pinotage-scan", "-p", "pinotage-client", "--example", "scan_table", "--example", "discard"]
    subprocess.run(["cargo", "build", "--release", "--quiet", *examples], cwd=ROOT, check=True)
    command = options.pinotage
    if command is None:
        subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "pinotage-cli"], cwd=ROOT, check=True)
        command = target / "release/pinotage"
    segments = work / "ours"
    shutil.rmtree(segments, ignore_errors=True)
    out = measure([command, "run", work / "job.yaml", "--force"])[-1]
    ROWS.extend(int(line.split(" rows read")[0].rsplit(" ", 1)[1]) for line in out.splitlines() if " rows read" in line)
    cache = work / "scan-cache"
    shutil.rmtree(cache, ignore_errors=True)
    pinot = Pinot(work, sorted(segments.glob("lineitem_*")))
    try:
        pinot.await_rows(sum(ROWS))
        compare(pinot, target, tools, files, segments, cache, options.rounds)
        bounds(pinot, target)
        if options.p99:
            report_latencies(pinot, target)
    finally:
        pinot.stop()


if __name__ == "__main__":
    main()
