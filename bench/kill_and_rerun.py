"""`kill -9` at random points of a build, again and again, and of another one when it is done.

Printed are the calls that were made twice, against what was in flight at each kill, and whether
every dataset has the bytes of that of a build nobody interrupted.

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


def same_bytes(whole, killed):
    """Whether two builds ended in the same files."""
    first, other = (data / "builds" / "toy" / "dataset" for data in (whole, killed))
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    return all((first / path).read_bytes() == (other / path).read_bytes() for path in files)


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    draw = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    with tempfile.TemporaryDirectory() as name, knowing(delay=0.02) as teacher:
        folder = Path(name)
        toy = recipe(folder, teacher.url)
        whole = folder / "whole"
        assert run(toy, whole).wait(SECONDS) == 0
        clean = len(asked(teacher))
        done = builds = repeated = 0
        same = True
        while done < kills:
            teacher.requests.clear()
            killed, builds = folder / f"killed-{builds}", builds + 1
            while done < kills and kill_at_random(toy, killed, teacher, draw):
                done += 1
            assert run(toy, killed).wait(SECONDS) == 0
            repeated += len(asked(teacher)) - clean
            same = same and same_bytes(whole, killed)
    in_flight = 16 * done
    print(
        f"{done} kills of {builds} builds of {clean} calls: {repeated} calls repeated, at most "
        f"{in_flight}"
    )
    print(f"dataset byte-identical: {'yes' if same else 'no'}")
    sys.exit(repeated > in_flight or not same)


if __name__ == "__main__":
    main()
