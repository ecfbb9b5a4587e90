import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from filelock import FileLock

from rankmill.errors import TableError
from rankmill.records import Rejection
from rankmill.report import StageReport
from rankmill.tables import REJECTIONS, SEEDS
from rankmill.tablestore import key_of, load, once

FRAME = pl.DataFrame(
    {"docid": ["a", "b"], "cluster": [0, 1], "segment": None, "start": None, "end": None},
    schema=SEEDS.columns,
)


def make(draft):
    draft.write(SEEDS, FRAME)
    return StageReport(stage="sample", read=2, written=2)


def test_a_stage_is_made_once(tmp_path):
    made = []

    def counted(draft):
        made.append(draft.folder)
        return make(draft)

    first = once(tmp_path, "sample", {"spec": "1"}, counted)
    again = once(tmp_path, "sample", {"spec": "1"}, counted)
    other = once(tmp_path, "sample", {"spec": "2"}, counted)
    assert first == again
    assert first.key != other.key
    assert len(made) == 2
    assert first.read(SEEDS).equals(FRAME)


def test_two_builds_that_want_the_same_tables_make_them_once(tmp_path):
    made = []

    def slow(draft):
        made.append(draft.folder)
        time.sleep(0.3)
        return make(draft)

    with ThreadPoolExecutor(3) as threads:
        outputs = list(threads.map(lambda _: once(tmp_path, "sample", {}, slow), range(3)))
    assert len(made) == 1
    assert outputs[0] == outputs[1] == outputs[2]


def test_a_key_does_not_depend_on_the_order_in_which_things_are_named():
    assert key_of("s", {"a": "1", "b": "2"}) == key_of("s", {"b": "2", "a": "1"})
    assert key_of("s", {"a": "1"}) != key_of("t", {"a": "1"})


def test_a_table_that_breaks_its_contract_leaves_nothing_that_looks_finished(tmp_path):
    def broken(draft):
        draft.write(SEEDS, FRAME.drop("cluster"))

    with pytest.raises(TableError, match="'cluster': None"):
        once(tmp_path, "sample", {}, broken)
    assert not (tmp_path / "sample" / key_of("sample", {})).exists()


def test_what_a_failed_attempt_left_is_cleared_unless_it_is_resumed(tmp_path):
    def dies(draft):
        (draft.folder / "half").write_text("x")
        raise TableError("died")

    for resume, expected in ((False, False), (True, True)):
        with pytest.raises(TableError):
            once(tmp_path, "sample", {}, dies)
        found = []

        def look(draft, found=found):
            found.append((draft.folder / "half").exists())
            return make(draft)

        folder = once(tmp_path, "sample", {}, look, resume=resume).folder
        assert found == [expected]
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_what_a_killed_attempt_left_is_removed_when_the_stage_begins_anew(tmp_path):
    left = tmp_path / "sample" / f"{key_of('sample', {'spec': 'old'})}.partial"
    at_work = tmp_path / "sample" / f"{key_of('sample', {'spec': 'other'})}.partial"
    for folder in (left, at_work):
        folder.mkdir(parents=True)
    with FileLock(at_work.with_suffix(".lock")):
        once(tmp_path, "sample", {"spec": "resumed"}, make, resume=True)
        assert left.exists()
        once(tmp_path, "sample", {"spec": "new"}, make)
    assert not left.exists()
    assert at_work.exists()


def test_a_stage_killed_in_the_middle_is_not_done(tmp_path):
    script = f"""
        import os, signal
        from pathlib import Path
        from rankmill.tablestore import once

        def make(draft):
            (draft.folder / "seeds.parquet").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)

        once(Path({str(tmp_path)!r}), "sample", {{}}, make)
    """
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    assert once(tmp_path, "sample", {}, make).read(SEEDS).equals(FRAME)


def test_rejections_are_written_and_counted_by_rule(tmp_path):
    rejections = [
        Rejection(id="a", rule="too_short", detail="3 < 40"),
        Rejection(id="b", rule="too_short", detail="5 < 40"),
        Rejection(id="c", rule="duplicate", detail="of a"),
    ]

    def rejecting(draft):
        return StageReport(stage="ingest", read=3, written=0, rejected=draft.reject(rejections))

    output = once(tmp_path, "ingest", {}, rejecting)
    assert output.report.rejected == {"duplicate": 1, "too_short": 2}
    assert output.read(REJECTIONS)["id"].to_list() == ["a", "b", "c"]
    assert load(output.folder) == output


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TableError, match="sample: no table rejections"):
        once(tmp_path, "sample", {}, make).read(REJECTIONS)


def test_a_full_disk_in_the_middle_of_a_table_is_said(tmp_path):
    script = f"""
        import resource, signal
        from pathlib import Path
        import polars as pl
        from rankmill.errors import StorageError
        from rankmill.tables import SEEDS
        from rankmill.tablestore import once

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        frame = pl.DataFrame({{"docid": [f"{{i * 7919 % 99991}}" for i in range(50000)],
                               "cluster": list(range(50000)), "segment": None,
                               "start": None, "end": None}}, schema=SEEDS.columns)
        try:
            once(Path({str(tmp_path)!r}), "sample", {{}}, lambda draft: draft.write(SEEDS, frame))
        except StorageError as error:
            print(error)
    """
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        timeout=60,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "larger than this process may write" in child.stdout


def test_rows_may_not_go_missing():
    report = StageReport(stage="label", read=1000, written=962, rejected={"incomplete": 38})
    assert str(report) == "label: 962 of 1,000 kept (incomplete 38)"
    assert report.rejected_share == pytest.approx(0.038)
    with pytest.raises(ValueError, match="1000 read"):
        StageReport(stage="label", read=1000, written=962, rejected={})
