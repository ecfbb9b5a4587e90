"""Publish gigabytes in shards to a hub in another process: peak memory, time, and a kill midway.

    python bench/publish.py                 # 5 GB
    python bench/publish.py --gigabytes 1 --folder /tmp/publish

The first client is killed with SIGKILL when half has come; the second sends only the rest. A third
finds nothing to do. Peak memory is the operating system's figure for the whole client process.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from rankmill.assemble.files import write_manifest

ROOT = Path(__file__).parents[1]
SHARD = 100_000_000  # bytes
GROUP = 1_000_000  # numbers in a row group
COMMAND = "from rankmill.cli import main; main()"


def made_up(folder, size):
    """A dataset that the gate lets pass: a little text, and shards of noise that no one packs."""
    words = np.array(["tea", "leaf", "water", "garden", "steeped", "minutes", "kettle", "cup"])
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.choice(words, 150)) for _ in range(20_000)]
    docids = [f"d{n}" for n in range(len(texts))]
    qids = [f"q{n}" for n in range(1000)]
    frames = {
        "corpus": pl.DataFrame({"docid": docids, "text": texts, "licence": "cc0-1.0"}),
        "queries": pl.DataFrame({"qid": qids, "text": texts[:1000]}),
        "lists": pl.DataFrame({"qid": qids, "docids": [docids[n : n + 16] for n in range(1000)]}),
    }
    for config, frame in frames.items():
        (folder / config).mkdir(parents=True)
        frame.write_parquet(folder / config / "train.parquet")
    (folder / "noise").mkdir()
    count = -(-size // SHARD)
    schema = pa.schema([("x", pa.int64())])
    for number in range(count):
        path = folder / "noise" / f"train-{number:05}-of-{count:05}.parquet"
        with ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
            for _ in range(size // count // 8 // GROUP):
                numbers = rng.integers(-(2**63), 2**63 - 1, GROUP)
                writer.write_table(pa.table({"x": numbers}))
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n\n# Tea\n")
    write_manifest(folder)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Hub:
    """The emulator in a process of its own."""

    def __init__(self, folder):
        command = [sys.executable, str(ROOT / "tests" / "hub_emulator.py"), str(folder)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.url = self.process.stdout.readline().strip()

    def received(self):
        self.process.stdin.write("received\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def client(folder, hub, home):
    """Start `rankmill publish`; its output goes nowhere."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": "hf_writes",
    }
    words = ["publish", str(folder), "--repo", "org/big", "--yes"]
    command = [sys.executable, "-c", COMMAND, *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def ended(process, kill_when=None):
    """Wait for a client; exit status, peak memory in MiB."""
    if kill_when:
        while not kill_when():
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss / 1024


def run(name, folder, hub, home, half=None):
    before, start = hub.received(), time.monotonic()
    process = client(folder, hub, home)
    watch = threading.Timer(1800, process.kill)
    watch.start()
    code, peak = ended(process, (lambda: hub.received() >= half) if half else None)
    watch.cancel()
    sent, seconds = hub.received() - before, time.monotonic() - start
    print(
        f"{name:<8} {sent / 1e6:>9,.0f} MB sent  {seconds:>7.1f} s  {peak:>6,.0f} MiB  exit {code}"
    )
    return sent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--folder", type=Path, help="Where shards and hub lie; twice the size.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        folder, hub = Path(place) / "dataset", Hub(Path(place) / "hub")
        try:
            size = made_up(folder, int(arguments.gigabytes * 1e9))
            files = sum(path.is_file() for path in folder.rglob("*"))
            print(f"{size / 1e9:.2f} GB in {files} files")
            home = Path(place) / "home"
            first = run("killed", folder, hub, home, half=size // 2)
            rest = run("resumed", folder, hub, home)
            run("again", folder, hub, home)
            print(f"sent in all: {(first + rest) / size:.2f} times the dataset")
        finally:
            hub.close()


if __name__ == "__main__":
    main()
