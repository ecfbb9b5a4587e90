import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rankmill.errors import StageError, TableError
from rankmill.space import embed, open_vectors, sentences_of, text_of

DOCUMENTS, BATCH, DIMENSIONS = 103, 10, 8


class Hashing:
    """An encoder whose vectors depend on the text and, like a real one's, on its batch."""

    def __init__(self, seconds=0.0):
        self.batches = []
        self.seconds = seconds

    def encode(self, texts, kind):
        assert kind == "document"
        time.sleep(self.seconds)
        self.batches.append(list(texts))
        whole = "\n".join(texts)
        digests = [hashlib.sha256((whole + text).encode()).digest() for text in texts]
        return np.array([list(d[:DIMENSIONS]) for d in digests], np.float32) / 255


def write_documents(path, documents=DOCUMENTS):
    pl.DataFrame(
        {
            "docid": [str(number) for number in range(documents)],
            "title": ["" if number % 2 else f"title {number}" for number in range(documents)],
            "text": [f"text {number}" for number in range(documents)],
        }
    ).write_parquet(path, row_group_size=37)
    return path


def run(folder, encoder, *, batch=BATCH, advance=lambda done, total: None):
    folder.mkdir(exist_ok=True)
    documents = write_documents(folder.parent / "documents.parquet")
    return embed(documents, encoder=encoder, folder=folder, batch=batch, advance=advance)


def test_rows_are_aligned_with_the_documents_and_batches_are_whole(tmp_path):
    encoder, seen = Hashing(), []
    path = run(tmp_path / "a", encoder, advance=lambda done, total: seen.append((done, total)))
    assert [len(batch) for batch in encoder.batches] == [10] * 10 + [3]
    assert encoder.batches[0][:2] == ["title 0. text 0", "text 1"]
    assert seen == [(done, 103) for done in (*range(0, 101, 10), 103)]
    expected = np.concatenate([Hashing().encode(part, "document") for part in encoder.batches])
    assert np.load(path).dtype == np.float32
    assert np.array_equal(np.load(path), expected)


def test_vectors_open_read_only_and_memory_mapped(tmp_path):
    run(tmp_path / "a", Hashing())
    vectors = open_vectors(tmp_path / "a")
    assert isinstance(vectors, np.memmap)
    assert vectors.shape == (DOCUMENTS, DIMENSIONS)
    assert not vectors.flags.writeable


SLOWLY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_vectors import Hashing, run
run(Path(sys.argv[2]), Hashing(0.1), advance=lambda done, total: print(done, flush=True))
"""


def test_a_killed_process_goes_on_after_its_last_whole_batch(tmp_path):
    whole = run(tmp_path / "whole", Hashing()).read_bytes()
    source = Path(sys.modules["rankmill"].__path__[0]).parent
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, str(Path(__file__).parent), str(tmp_path / "killed")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    done = [int(process.stdout.readline()) for _ in range(4)]
    process.send_signal(signal.SIGKILL)
    last = [*done, *map(int, process.stdout.read().split())][-1]
    process.wait(timeout=30)
    process.stdout.close()
    assert done == [0, 10, 20, 30]

    encoder = Hashing()
    resumed = run(tmp_path / "killed", encoder)
    assert sum(map(len, encoder.batches)) <= DOCUMENTS - last
    assert resumed.read_bytes() == whole


class Dying(Hashing):
    def encode(self, texts, kind):
        if len(self.batches) == 4:
            raise KeyboardInterrupt
        return super().encode(texts, kind)


def begin(folder):
    with pytest.raises(KeyboardInterrupt):
        run(folder, Dying())


def test_a_resumed_attempt_keeps_the_batch_size_it_began_with(tmp_path):
    begin(tmp_path / "a")
    encoder = Hashing()
    resumed = run(tmp_path / "a", encoder, batch=64)
    assert [len(batch) for batch in encoder.batches] == [10] * 6 + [3]
    assert resumed.read_bytes() == run(tmp_path / "b", Hashing()).read_bytes()


def test_half_a_batch_left_behind_is_written_over(tmp_path):
    begin(tmp_path / "a")
    with (tmp_path / "a" / "vectors.npy").open("ab") as file:
        file.write(b"half a batch")
    resumed = run(tmp_path / "a", Hashing())
    assert resumed.read_bytes() == run(tmp_path / "b", Hashing()).read_bytes()


def test_recorded_rows_that_are_gone_are_made_again(tmp_path):
    begin(tmp_path / "a")
    os.truncate(tmp_path / "a" / "vectors.npy", 200)
    encoder = Hashing()
    run(tmp_path / "a", encoder)
    assert len(encoder.batches) == 11


def test_a_finished_file_is_not_embedded_again(tmp_path):
    run(tmp_path / "a", Hashing())
    encoder = Hashing()
    run(tmp_path / "a", encoder)
    assert encoder.batches == []


def test_an_empty_corpus_is_refused(tmp_path):
    documents = write_documents(tmp_path / "d.parquet", 0)
    with pytest.raises(StageError, match="no documents"):
        embed(documents, encoder=Hashing(), folder=tmp_path, batch=2, advance=lambda *_: None)


class Constant:
    def __init__(self, rows):
        self.rows = np.array(rows, np.float32)

    def encode(self, texts, kind):
        return self.rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 0]], r"expected vectors of shape \(2, 2\), found \(1, 2\)"),
        ([[1, 0], [np.nan, 0]], "document number 2 is not finite"),
    ],
)
def test_an_encoder_that_gives_the_wrong_thing_is_refused(tmp_path, rows, message):
    documents = write_documents(tmp_path / "d.parquet", 2)
    with pytest.raises(StageError, match=message):
        embed(documents, encoder=Constant(rows), folder=tmp_path, batch=2, advance=lambda *_: None)


def test_missing_or_cut_vectors_are_a_table_error(tmp_path):
    with pytest.raises(TableError, match=r"vectors\.npy"):
        open_vectors(tmp_path)
    os.truncate(run(tmp_path / "a", Hashing()), 400)
    with pytest.raises(TableError, match=r"vectors\.npy"):
        open_vectors(tmp_path / "a")


def test_a_document_without_a_title_is_its_text():
    assert text_of("", "text") == "text"
    assert text_of("Title", "text") == "Title\ntext"


@pytest.mark.parametrize(
    ("title", "text", "read"),
    [
        ("", " text ", "text"),
        ("Title", "text", "Title. text"),
        ("How to sort?", "With sorted.", "How to sort? With sorted."),
        ("  ", "text", "text"),
        ("Title", "", "Title."),
    ],
)
def test_a_title_ends_like_a_sentence(title, text, read):
    assert sentences_of(title, text) == read
