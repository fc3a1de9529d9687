"""TPC-H lineitem as rows of Flink into a table of Pinot: the sink of Pinotage beside what Pinot's own sink does with each row.

    cargo xtask dist && python3 benches/flink.py --jar target/…/pinotage-flink-2-….jar [--scale 0.1] [--rounds 3]

Ours is one JVM with Flink's mini cluster (JobManager, TaskManager and the program), which reads CSV, writes to a real Pinot 1.5.1 and
waits until servers have its segments: CPU-seconds of that whole process. Beside it the path of Pinot's sink by its own classes
(java/bench, JavaSinkPath): transformed, an Avro file, SegmentIndexCreationDriverImpl of 1.5.1, gzip; without Flink and without uploads.
Both are measured with a sink that drops the rows, too, and `net` is what is left without reading them. In turns; the median of CPU-seconds.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import urllib.request

from lineitem import ROOT, make_data, measure, median, write_config

OPENED = ["java.util", "java.lang", "java.time", "java.nio"]


def class_paths():
    out = subprocess.run(["cargo", "xtask", "java"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
    return dict(word.split("=", 1) for word in out.split())


def post(url, document):
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jar", type=pathlib.Path, required=True, help="the connector for Flink 2 with the library of a release in it")
    parser.add_argument("--scale", type=float, default=0.1, help="TPC-H scale factor (1 is 6,001,215 rows)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parallelism", type=int, default=1)
    parser.add_argument("--no-java", action="store_true")
    options = parser.parse_args()
    work = ROOT / "target" / "bench" / "flink"
    work.mkdir(parents=True, exist_ok=True)
    files = make_data(work.parent, options.scale, "csv")
    write_config(work, files)
    rows = sum(sum(1 for _ in open(file, "rb")) - 1 for file in files)
    segment = -(-rows // len(files))
    paths = class_paths()
    # The jar of a release in place of the one for tests, which has no library.
    flink = [part for part in paths["PINOTAGE_FLINK_2_CLASSPATH"].split(":") if "pinotage-flink-2-" not in part]
    subprocess.run(["mvn", "-B", "-q", "-f", "java/pom.xml", "-Pbench", "-pl", "bench", "-am", "package"], cwd=ROOT, check=True)
    bench = ROOT / "java" / "bench" / "target"
    java = f"{bench / 'classes'}:{(bench / 'classpath.txt').read_text().strip()}"
    shutil.rmtree(work / "cluster", ignore_errors=True)
    cluster = subprocess.Popen(["java", "-Xmx1g", "-cp", paths["PINOTAGE_CLUSTER_CLASSPATH"], "io.pinotage.cluster.ClusterMain", work / "cluster"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    controller = json.loads(cluster.stdout.readline())["controller"]
    post(f"{controller}/schemas", json.loads((work / "schema.json").read_text()))

    def ours(sink):
        if sink == "pinot":
            table = json.loads((work / "table.json").read_text())
            post(f"{controller}/tables", table)
        command = ["java", "-Xmx2g", *[f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED], "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                   "-cp", ":".join([str(options.jar.resolve()), *flink]), "io.pinotage.flink.scenarios.Lineitem", f"files={','.join(map(str, files))}",
                   f"sink={sink}", f"controller={controller}", f"staging={work / 'staging'}", f"segmentRows={segment}", f"parallelism={options.parallelism}"]
        figures = measure(command)
        if sink == "pinot":
            answer = urllib.request.urlopen(f"{controller}/segments/lineitem?type=OFFLINE").read()
            assert len(json.loads(answer)[0]["OFFLINE"]) == len(files), answer
            urllib.request.urlopen(urllib.request.Request(f"{controller}/tables/lineitem", method="DELETE")).read()
            shutil.rmtree(work / "staging", ignore_errors=True)
        return figures

    def theirs(what):
        shutil.rmtree(work / "java", ignore_errors=True)
        (work / "java").mkdir()
        command = ["java", "-Xmx4g", "-cp", java, "io.pinotage.bench.JavaSinkPath", work / "schema.json", work / "table.json", work / "java", segment, what, *files]
        return measure(command)

    ways = {"pinotage, whole": lambda: ours("pinot"), "its source alone": lambda: ours("none")}
    if not options.no_java:
        ways |= {"Pinot's path, whole": lambda: theirs("segments"), "its source": lambda: theirs("source")}
    found = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, run in ways.items():
            found[way].append(run())
    cluster.stdin.close()
    cluster.wait()
    shutil.rmtree(work / "cluster", ignore_errors=True)
    print(f"{rows} rows, {len(files)} segments, {options.rounds} rounds, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}")
    print(f"{'':22}{'wall s':>9}{'CPU s':>9}{'rows/CPU s':>12}{'net CPU s':>11}{'net rows/CPU s':>16}{'peak MiB':>10}")
    best = {way: median(rounds) for way, rounds in found.items()}
    names = list(best)
    for whole, source in zip(names[::2], names[1::2]):
        (wall, cpu, peak, _), without = best[whole], best[source][1]
        print(f"{whole:22}{wall:>9.1f}{cpu:>9.2f}{rows / cpu:>12.0f}{cpu - without:>11.2f}{rows / (cpu - without):>16.0f}{peak:>10.0f}")
        print(f"{source:22}{best[source][0]:>9.1f}{without:>9.2f}{rows / without:>12.0f}")
    if len(names) > 2:
        net = [best[whole][1] - best[source][1] for whole, source in zip(names[::2], names[1::2])]
        print(f"CPU of Pinot's path to ours: {best[names[2]][1] / best[names[0]][1]:.1f} whole, {net[1] / net[0]:.1f} net of the sources")


if __name__ == "__main__":
    main()
