"""Makes the files of this folder: `pip install pyarrow protobuf grpcio-tools`, then `python make.py`."""
import datetime, decimal, subprocess, sys

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as parquet

ROWS = 60


def column(value, null):
    return [None if row % 7 == null else value(row) for row in range(ROWS)]


def day(row, year=1950, step=1000):
    return datetime.datetime(year, 2, 3, 4, 5, 6, 789012) + datetime.timedelta(days=row * step)


def whole_before_1970(time):
    """Arrow writes fractions below zero, which the format does not have."""
    return time if time.year >= 1970 else time.replace(microsecond=0)


types = pa.table({
    "b": pa.array(column(lambda i: i % 2 == 0, 1)),
    "i8": pa.array(column(lambda i: i - 30, 2), pa.int8()),
    "i16": pa.array(column(lambda i: i * 300, 3), pa.int16()),
    "i32": pa.array(column(lambda i: i * 1000003, 4), pa.int32()),
    "i64": pa.array(column(lambda i: i * 10**15 - 5, 5), pa.int64()),
    "f32": pa.array(column(lambda i: i / 4, 6), pa.float32()),
    "f64": pa.array(column(lambda i: i / 3, 0), pa.float64()),
    "s": pa.array(column(lambda i: f"zeile {i % 5} ü\U0001f377", 1)),
    "bin": pa.array(column(lambda i: bytes([i, 0, 255]), 2)),
    "d": pa.array(column(lambda i: day(i).date(), 3)),
    "t": pa.array(column(lambda i: whole_before_1970(day(i, 1961)), 4), pa.timestamp("us")),
    "tz": pa.array(column(lambda i: day(i, 2024, 1), 5), pa.timestamp("us", "UTC")),
    "dec": pa.array(column(lambda i: decimal.Decimal(i * 123456789) / 1000 - 7, 6), pa.decimal128(18, 3)),
    "l": pa.array(column(lambda i: [None if j == 2 else j * i for j in range(i % 4)], 0), pa.list_(pa.int64())),
    "o": pa.array(
        column(lambda i: {"x": i, "y": None if i % 3 == 0 else str(i), "t": day(i, 9000, 1)}, 1),
        pa.struct([("x", pa.int32()), ("y", pa.string()), ("t", pa.timestamp("us"))]),
    ),
    "m": pa.array(column(lambda i: [(f"k{j}", j + i) for j in range(i % 3)], 2), pa.map_(pa.string(), pa.int64())),
    "ll": pa.array(column(lambda i: [[str(i)] * (i % 3)] * (i % 2), 3), pa.list_(pa.list_(pa.string()))),
})
for codec in ["uncompressed", "zlib", "snappy", "lz4", "zstd"]:
    orc.write_table(
        types, f"types-{codec}.orc", compression=codec, dictionary_key_size_threshold=0.5, stripe_size=1024, batch_size=20
    )
parquet.write_table(types, "types.parquet")
for name, values in [("nanoseconds", [0, -(10**9), 10**9 + 1999, None]), ("before-1970", [0, -1])]:
    orc.write_table(pa.table({"t": pa.array(values, pa.timestamp("ns"))}), f"{name}.orc")
union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])
orc.write_table(pa.table({"a": [1, 2], "u": union}), "union.orc")

for name, files in [("events", ["events.proto"]), ("old", ["old.proto"])]:
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I.", "--include_imports", f"--descriptor_set_out={name}.desc"] + files,
        check=True,
    )
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=."] + files, check=True)
subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", "place.proto"], check=True)
sys.path.insert(0, ".")
import events_pb2, old_pb2
from google.protobuf.internal.encoder import _VarintBytes

with open("events.pb", "wb") as out:
    for i in range(40):
        event = events_pb2.Event()
        if i % 5:
            event.id, event.name, event.ratio, event.ok = i * 10**12, f"ü{i}", i / 8, i % 2 == 0
            event.small, event.big, event.back, event.raw = i, 2**64 - i, -i, bytes([i, 255])
            event.kind = i % 3
            event.place.city = "Kiel" if i % 2 else ""
            event.place.at.seconds = i
            event.tags.extend([f"t{j}" for j in range(i % 3)])
            event.numbers.extend(range(i % 4))
            event.counts.update({f"k{j}": j for j in range(i % 3)})
            event.places[7].city = "Bonn"
            event.stops.add().city = "Ulm"
            event.stops.add()
        if i % 4 == 1:
            event.maybe = 0
        if i % 4 == 2:
            event.number = i
        if i % 4 == 3:
            event.text = ""
        data = event.SerializeToString()
        out.write(_VarintBytes(len(data)) + data)
with open("old.pb", "wb") as out:
    for i in range(5):
        old = old_pb2.Old(key=i)
        if i % 2:
            old.word, old.kind = "x", 1
        data = old.SerializeToString()
        # A value that the enum of this descriptor does not have: to Protobuf it is a field that is not known.
        data += b"\x18\x09" if i == 4 else b""
        out.write(_VarintBytes(len(data)) + data)
