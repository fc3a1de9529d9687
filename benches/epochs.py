"""TPC-H lineitem to Pinot segments by epochs, beside the same job that remembers inputs.

    python3 benches/epochs.py [--scale 0.1] [--rounds 3]     (or: cargo xtask bench epochs …)

One process each, in turns: by inputs; by epochs that never end before the source does; by epochs of a second. The files, the rows
and the number of segments are the same. Prints the least CPU-seconds and wall seconds of the rounds, and their ratio to the first.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess

from lineitem import ROOT, make_data, measure, write_config

WAYS = {"inputs": None, "one epoch": "1h", "epochs of 1s": "1s"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="TPC-H scale factor (1 is 6,001,215 rows)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--profile", choices=["release", "dev"], default="release", help="dev is the tests' build, its hot crates optimised")
    options = parser.parse_args()
    work = ROOT / "target" / "bench" / "epochs"
    work.mkdir(parents=True, exist_ok=True)
    files = make_data(work.parent, options.scale)
    write_config(work, files)
    rows = int(6_001_215 * options.scale)
    base = json.loads((work / "job.yaml").read_text())
    # One segment a file either way.
    base["sink"]["segment"] = {"maxRows": -(-rows // len(files))}
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    subprocess.run(["cargo", "build", "--profile", options.profile, "--quiet", "-p", "pinotage-cli"], cwd=ROOT, check=True)
    pinotage = target / ("release" if options.profile == "release" else "debug") / "pinotage"
    best = {}
    for _ in range(options.rounds):
        for way, interval in WAYS.items():
            job = dict(base, name="bench")
            if interval:
                job["checkpoint"] = {"interval": interval}
            (work / "job.yaml").write_text(json.dumps(job))
            for folder in ["ours", ".pinotage"]:
                shutil.rmtree(work / folder, ignore_errors=True)
            wall, cpu, peak, _ = measure([pinotage, "run", work / "job.yaml", "--threads", options.threads])
            segments = len(list((work / "ours").iterdir()))
            known = best.get(way, (wall, cpu, peak, segments))
            best[way] = (min(wall, known[0]), min(cpu, known[1]), max(peak, known[2]), segments)
    first = best["inputs"]
    print(f"{'':14}{'segments':>9}{'wall s':>9}{'CPU s':>8}{'rows/CPU s':>12}{'peak MiB':>10}{'wall':>7}{'CPU':>7}")
    for way, (wall, cpu, peak, segments) in best.items():
        print(f"{way:14}{segments:>9}{wall:>9.2f}{cpu:>8.2f}{rows / cpu:>12.0f}{peak:>10.0f}{wall / first[0]:>7.2f}{cpu / first[1]:>7.2f}")


if __name__ == "__main__":
    main()
