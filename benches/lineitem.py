"""TPC-H lineitem to Pinot segments: Pinotage beside Pinot's own builder.

    python3 benches/lineitem.py [--scale 0.1] [--no-java] [--formats parquet,csv,json,avro]     (or: cargo xtask bench …)

Makes four files of each format under target/bench (tpchgen-cli, pyarrow and fastavro, from PyPI), builds their segments with the
release binary and with SegmentIndexCreationDriverImpl of Pinot 1.5.1 (java/bench, which measures the build alone, rows already in
memory), and prints rows a second, CPU-seconds and peak memory of both. Pinotage's figures are of the whole process, reading the files
included; with several rounds they are those of the round with the median of CPU-seconds. `--job` has Pinot's own
LaunchDataIngestionJob read the same files: that of 0.11.0, because readers of later releases are not in public registries.
`--against OTHER` measures another binary in turns with this one, for a figure before and after a change.
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


AVRO = """
import sys, fastavro, pyarrow as pa, pyarrow.parquet as pq
source, target = sys.argv[1:]
file = pq.ParquetFile(source)
kinds = {"int64": "long", "int32": "int"}
kind = lambda field: "double" if pa.types.is_decimal(field.type) else kinds.get(str(field.type), "string")
fields = [(field.name, kind(field)) for field in file.schema_arrow]
into = pa.schema([(name, {"double": pa.float64(), "long": pa.int64(), "int": pa.int32(), "string": pa.string()}[type]) for name, type in fields])
schema = {"type": "record", "name": "lineitem", "fields": [{"name": name, "type": type} for name, type in fields]}
rows = (row for batch in file.iter_batches(10000) for row in pa.Table.from_batches([batch]).cast(into).to_pylist())
with open(target, "wb") as out:
    fastavro.writer(out, schema, rows, codec="deflate")
"""


def tools(work, *packages):
    """An environment with packages of PyPI."""
    place = work / "tools"
    if not (place / "bin" / "pip").exists():
        venv.create(place, with_pip=True)
    wanted = [package for package in packages if not list(place.glob(f"lib/*/site-packages/{package.replace('-', '_')}*"))]
    if wanted:
        subprocess.run([place / "bin" / "pip", "install", "--quiet", *wanted], check=True)
    return place / "bin"


def make_data(work, scale, form="parquet", binary=None):
    """Files of the scale, made once. Dates of Avro are text, as those of CSV and JSON, and its decimals are doubles."""
    data = work / f"lineitem-{scale}"
    found = lambda: sorted(data.rglob(f"*.{form}"))
    if len(found()) == PARTS:
        return found()
    if form in ("parquet", "csv"):
        place = data / form if form == "csv" else data
        shutil.rmtree(place, ignore_errors=True)
        command = [tools(work, "tpchgen-cli") / "tpchgen-cli", form, "-s", str(scale), "--tables=lineitem", f"--parts={PARTS}", f"--output-dir={place}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return found()
    commands = []
    (data / form).mkdir(exist_ok=True)
    for file in make_data(work, scale):
        target = data / form / f"{file.stem}.{form}"
        if form == "json":
            commands.append([binary, "sql", "SELECT * FROM t", "--table", f"t={file}", "--to", target])
        else:
            commands.append([tools(work, "pyarrow", "fastavro") / "python", "-c", AVRO, file, target])
    for child in [subprocess.Popen(command) for command in commands]:
        if child.wait() != 0:
            sys.exit(f"the {form} files could not be made")
    return found()


def write_config(work, files, form="parquet"):
    """The same schema and table config for all, and the job of a format."""
    fields = [{"name": name, "dataType": kind} for name, kind in TYPES.items()]
    (work / "schema.json").write_text(json.dumps({"schemaName": "lineitem", "dimensionFieldSpecs": fields}))
    table = {"tableName": "lineitem_OFFLINE", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1"}, "tenants": {},
             "tableIndexConfig": {"loadMode": "MMAP", "noDictionaryColumns": RAW}, "metadata": {}}
    (work / "table.json").write_text(json.dumps(table))
    job = {"name": "lineitem", "source": {"kind": "files", "format": form, "paths": [str(file) for file in files]},
           "sink": {"kind": "pinot", "table": "lineitem", "schema": "schema.json", "tableConfig": "table.json", "output": "ours"}}
    path = work / ("job.yaml" if form == "parquet" else f"job-{form}.yaml")
    path.write_text(json.dumps(job))
    return path


def measure(command, folder=None):
    """Wall seconds, CPU-seconds and peak memory in MiB of a process, and what it printed."""
    start = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, cwd=folder)
    out = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def build(binary, job, threads):
    """Builds the segments of a job. Wall seconds, CPU-seconds, peak MiB, rows."""
    shutil.rmtree(job.parent / "ours", ignore_errors=True)
    wall, cpu, peak, out = measure([binary, "run", job, "--force", "--threads", threads])
    rows = sum(int(line.split(" rows read")[0].rsplit(" ", 1)[1]) for line in out.splitlines() if " rows read" in line)
    return wall, cpu, peak, rows


def median(rounds):
    """The round with the median of CPU-seconds."""
    return sorted(rounds, key=lambda figures: figures[1])[len(rounds) // 2]


LINE = "{:24}{:>8}{:>10}{:>9.2f}{:>12.0f}{:>8.2f}{:>12.0f}{:>10.0f}"


def show(name, threads, wall, cpu, peak, rows):
    print(LINE.format(name, threads, rows, wall, rows / wall, cpu, rows / cpu, peak), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="TPC-H scale factor (1 is 6,001,215 rows)")
    parser.add_argument("--formats", default="parquet", help="parquet, csv, json, avro, several with commas between")
    parser.add_argument("--threads", default=str(os.cpu_count()), help="such as 1,4")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--profile", choices=["release", "dev"], default="release", help="dev is the tests' build, its hot crates optimised")
    parser.add_argument("--binary", type=pathlib.Path, help="this binary, instead of one that is built")
    parser.add_argument("--against", type=pathlib.Path, help="another binary, in turns with the first")
    parser.add_argument("--no-java", action="store_true", help="leave Pinot's own builder out")
    parser.add_argument("--job", action="store_true", help="the whole job of Pinot 0.11.0 over the same files")
    options = parser.parse_args()
    work = ROOT / "target" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    binary = options.binary
    if binary is None:
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        subprocess.run(["cargo", "build", "--profile", options.profile, "--quiet", "-p", "pinotage-cli"], cwd=ROOT, check=True)
        binary = target / ("release" if options.profile == "release" else "debug") / "pinotage"
    threads = [int(count) for count in options.threads.split(",")]
    jobs = {}
    for form in options.formats.split(","):
        files = make_data(work, options.scale, form, binary)
        jobs[form] = (files, write_config(work, files, form))
    print(f"{'':24}{'threads':>8}{'rows':>10}{'wall s':>9}{'rows/s':>12}{'CPU s':>8}{'rows/CPU s':>12}{'peak MiB':>10}")
    for form, (_, job) in jobs.items():
        for count in threads:
            figures = {name: [] for name in (binary, options.against) if name}
            for _ in range(options.rounds):
                for name in figures:
                    figures[name].append(build(name, job, count))
            show(f"pinotage {form}", count, *median(figures[binary]))
            if options.against:
                other = median(figures[options.against])
                show(f"  {options.against.name}", count, *other)
                print(f"  CPU of the first to the second: {median(figures[binary])[1] / other[1]:.3f}")
    if not options.no_java:
        java(work, jobs, max(threads))
    if options.job:
        for form, (files, _) in jobs.items():
            launch(work, form, files, max(threads))


READERS = {"parquet": "parquet.ParquetRecordReader", "csv": "csv.CSVRecordReader", "json": "json.JSONRecordReader", "avro": "avro.AvroRecordReader"}
# What Java 17 keeps to itself unless told otherwise.
OPENS = ["java.base/java.nio", "java.base/sun.nio.ch", "java.base/java.lang", "java.base/java.util", "java.base/jdk.internal.ref"]


def launch(work, form, files, threads):
    """Pinot 0.11.0's own job over the same files, archives included: it makes nothing else."""
    pom = ROOT / "java" / "bench-0.11"
    if not (pom / "target" / "classpath.txt").exists():
        subprocess.run(["mvn", "-B", "-q", "-f", pom / "pom.xml", "package"], check=True)
    shutil.rmtree(work / "theirs", ignore_errors=True)
    reader = {"dataFormat": form, "className": f"org.apache.pinot.plugin.inputformat.{READERS[form]}"}
    if form == "csv":
        reader |= {"configClassName": "org.apache.pinot.plugin.inputformat.csv.CSVRecordReaderConfig", "configs": {"multiValueDelimiterEnabled": "false"}}
    runners = "org.apache.pinot.plugin.ingestion.batch.standalone.SegmentGenerationJobRunner"
    spec = {
        "executionFrameworkSpec": {"name": "standalone", "segmentGenerationJobRunnerClassName": runners},
        "jobType": "SegmentCreation", "inputDirURI": f"file://{files[0].parent}/", "includeFileNamePattern": f"glob:**/*.{form}",
        "outputDirURI": f"file://{work}/theirs/", "overwriteOutput": True, "segmentCreationJobParallelism": threads,
        "pinotFSSpecs": [{"scheme": "file", "className": "org.apache.pinot.spi.filesystem.LocalPinotFS"}],
        "recordReaderSpec": reader,
        "tableSpec": {"tableName": "lineitem", "schemaURI": f"file://{work}/schema.json", "tableConfigURI": f"file://{work}/table.json"},
    }
    (work / "launch.yaml").write_text(json.dumps(spec))
    opens = [word for package in OPENS for word in ("--add-opens", f"{package}=ALL-UNNAMED")]
    command = ["java", "-Xmx6g", *opens, "-Dlog4j2.level=warn", "-cp", (pom / "target" / "classpath.txt").read_text().strip(),
               "org.apache.pinot.tools.admin.PinotAdministrator", "LaunchDataIngestionJob", "-jobSpecFile", work / "launch.yaml"]
    wall, cpu, peak, _ = measure(command, work)  # it writes a log where it stands
    made = len(list((work / "theirs").rglob("*.tar.gz")))
    if made != len(files):
        sys.exit(f"Pinot's job made {made} of {len(files)} segments")
    show(f"Pinot 0.11 job, {form}", threads, wall, cpu, peak, rows_of(work, files))


def rows_of(work, files):
    """The rows of a scale, which its Parquet files tell."""
    folder = files[0].parents[1] if files[0].suffix == ".parquet" else next(place for place in files[0].parents if place.name.startswith("lineitem-"))
    count = "import sys, pyarrow.parquet as pq; print(sum(pq.read_metadata(file).num_rows for file in sys.argv[1:]))"
    command = [tools(work, "pyarrow") / "python", "-c", count, *sorted(folder.rglob("*.parquet"))]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


def java(work, jobs, threads):
    """Pinot's own builder, over rows in memory."""
    files = jobs["parquet"][0] if "parquet" in jobs else []
    if not files:
        sys.exit("Pinot's own builder takes its rows from Parquet: add it to --formats, or say --no-java")
    peak, out = build_by_java(work, files, threads)
    print("java says: " + " ".join(out.split()))
    print(f"java peak of the whole process, loaded rows included: {peak:.0f} MiB")


def build_by_java(work, files, threads):
    """Peak MiB, and what java/bench says as JSON."""
    subprocess.run(["mvn", "-B", "-q", "-f", "java/pom.xml", "-Pbench", "package"], cwd=ROOT, check=True)
    bench = ROOT / "java" / "bench" / "target"
    shutil.rmtree(work / "theirs", ignore_errors=True)
    java = ["java", "-Xmx6g", "-cp", f"{bench / 'classes'}:{(bench / 'classpath.txt').read_text().strip()}", "io.pinotage.bench.Bench",
            "--schema", work / "schema.json", "--table", work / "table.json", "--out", work / "theirs", "--threads", threads, *files]
    *_, peak, out = measure(java)
    return peak, out


if __name__ == "__main__":
    main()
