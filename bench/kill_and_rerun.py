"""`kill -9` at random points of one build, again and again, until it is done.

Printed are the calls that were made twice, against what was in flight at each kill, and whether
the dataset is the same bytes as that of a build nobody interrupted.

    python bench/kill_and_rerun.py [KILLS] [SEED]
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from knowing_teacher import knowing, recipe

SECONDS = 60


def run(toy, data):
    start = [sys.executable, "-c", "from rankmill.cli import main; main()"]
    command = [*start, "build", str(toy), "--plain", "--data", str(data)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def asked(teacher):
    """Questions about documents; a teacher that is opened anew is probed anew."""
    return [seen for seen in teacher.requests if "ocument" in json.dumps(seen.body)]


def kill_at_random(toy, data, teacher, draw):
    """Start a build and kill it: after some seconds, or after some calls. False if it was done."""
    child = run(toy, data)
    deadline = time.monotonic() + draw.uniform(0.2, 6)
    aim = len(teacher.requests) + draw.randint(1, 60)
    while child.poll() is None and time.monotonic() < deadline and len(teacher.requests) < aim:
        time.sleep(0.001)
    if child.poll() is not None:
        return False
    child.send_signal(signal.SIGKILL)
    child.wait(SECONDS)
    return True


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    draw = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    with tempfile.TemporaryDirectory() as name, knowing(delay=0.02) as teacher:
        folder = Path(name)
        toy = recipe(folder, teacher.url)
        whole, killed = folder / "whole", folder / "killed"
        assert run(toy, whole).wait(SECONDS) == 0
        clean = len(asked(teacher))
        teacher.requests.clear()
        done = 0
        while done < kills and kill_at_random(toy, killed, teacher, draw):
            done += 1
        assert run(toy, killed).wait(SECONDS) == 0
        repeated = len(asked(teacher)) - clean
        datasets = [data / "builds" / "toy" / "dataset" for data in (whole, killed)]
        same = all(
            path.read_bytes() == (datasets[1] / path.relative_to(datasets[0])).read_bytes()
            for path in datasets[0].rglob("*")
            if path.is_file()
        )
    in_flight = 16 * done
    print(
        f"{done} kills of a build of {clean} calls: {repeated} calls repeated, at most {in_flight}"
    )
    print(f"dataset byte-identical: {'yes' if same else 'no'}")
    sys.exit(repeated > in_flight or not same)


if __name__ == "__main__":
    main()
