import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rankmill.corpora import Columns, HuggingFace
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection

datasets = pytest.importorskip("datasets")

ROWS = {"id": [1, 2], "title": ["T", None], "text": ["one", "two"]}


def expected(source: str) -> list[Document]:
    return [
        Document(docid="1", title="T", text="one", source=f"{source}:1"),
        Document(docid="2", text="two", source=f"{source}:2"),
    ]


def read(folder: Path, **settings: object) -> list[Document | Rejection]:
    reader = HuggingFace(dataset="data", **settings)
    return list(reader.documents(folder))


@pytest.fixture(autouse=True)
def no_progress_bars():
    datasets.disable_progress_bars()


def test_a_folder_of_parquet_files_is_read_split_by_split(tmp_path):
    (tmp_path / "data").mkdir()
    datasets.Dataset.from_dict(ROWS).to_parquet(tmp_path / "data" / "train.parquet")
    datasets.Dataset.from_dict({"text": ["t"]}).to_parquet(tmp_path / "data" / "test.parquet")
    assert read(tmp_path) == expected("data/train")
    (only,) = read(tmp_path, split="test")
    assert isinstance(only, Document)
    assert only.text == "t"


def test_a_folder_of_json_lines_is_read(tmp_path):
    (tmp_path / "data").mkdir()
    rows = [{"id": 1, "title": "T", "text": "one"}, {"id": 2, "text": "two"}]
    lines = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "data" / "train.jsonl").write_text(lines)
    assert read(tmp_path) == expected("data/train")


def test_what_save_to_disk_wrote_is_read(tmp_path):
    datasets.Dataset.from_dict(ROWS).save_to_disk(tmp_path / "data")
    assert read(tmp_path) == expected("data/train")


def test_a_split_of_a_saved_dictionary_is_read(tmp_path):
    rows = datasets.Dataset.from_dict(ROWS)
    datasets.DatasetDict(test=rows).save_to_disk(tmp_path / "data")
    assert read(tmp_path, split="test") == expected("data/test")


def test_other_columns_are_not_read_and_a_null_text_is_rejected(tmp_path):
    rows = {"body": ["one", None], "score": [1, 2]}
    datasets.Dataset.from_dict(rows).save_to_disk(tmp_path / "data")
    first, second = read(tmp_path, columns=Columns(text="body"))
    assert isinstance(first, Document)
    assert isinstance(second, Rejection)
    assert (first.text, second.rule) == ("one", "no_text")


def test_a_config_of_a_dataset_card_is_read(tmp_path):
    (tmp_path / "data").mkdir()
    datasets.Dataset.from_dict(ROWS).to_parquet(tmp_path / "data" / "corpus.parquet")
    card = "configs:\n- config_name: corpus\n  data_files: corpus.parquet\n"
    (tmp_path / "data" / "README.md").write_text(f"---\n{card}---\n")
    assert read(tmp_path, config="corpus") == expected("data/train")


def saved(tmp_path: Path) -> Path:
    datasets.DatasetDict(test=datasets.Dataset.from_dict(ROWS)).save_to_disk(tmp_path / "data")
    return tmp_path


def test_a_missing_split_is_an_error_that_lists_the_others(tmp_path):
    with pytest.raises(CorpusError, match="data: no split 'train', found 'test'"):
        read(saved(tmp_path))


def test_a_missing_column_is_an_error_that_lists_the_others(tmp_path):
    with pytest.raises(CorpusError, match=r"no field 'body' for the text, found 'id', 'title', 't"):
        read(saved(tmp_path), split="test", columns=Columns(text="body"))


def test_a_missing_config_is_an_error_that_lists_the_others(tmp_path):
    (tmp_path / "data").mkdir()
    datasets.Dataset.from_dict(ROWS).to_parquet(tmp_path / "data" / "train.parquet")
    with pytest.raises(CorpusError, match=r"data: cannot be loaded: .*'corpus'.*'default'"):
        read(tmp_path, config="corpus")


def test_a_folder_without_data_is_an_error(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(CorpusError, match="data: cannot be loaded"):
        read(tmp_path)


def test_a_path_to_nowhere_is_never_asked_of_the_hub(tmp_path):
    reader = HuggingFace(dataset="./nowhere")
    with pytest.raises(CorpusError, match="nowhere: no such folder"):
        list(reader.documents(tmp_path))
    with pytest.raises(CorpusError, match="nowhere: no such folder"):
        reader.origin(tmp_path)


def test_without_the_datasets_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CorpusError, match=r"pip install 'rankmill\[hub\]'"):
        read(tmp_path)


def test_the_origin_of_a_folder_is_its_content(tmp_path):
    reader = HuggingFace(dataset="data")
    first = reader.origin(saved(tmp_path))
    assert len(first) == 64
    (tmp_path / "data" / "more.txt").write_text("more")
    assert reader.origin(tmp_path) != first


def test_the_origin_of_a_named_commit_needs_no_hub(tmp_path):
    reader = HuggingFace(dataset="someone/data", revision="0123456789" * 4)
    assert reader.origin(tmp_path) == "0123456789" * 4


class Hub(BaseHTTPRequestHandler):
    """Answers for one dataset as the hub does."""

    def do_GET(self):
        known = self.path.startswith("/api/datasets/someone/data/revision/main")
        body = json.dumps({"id": "someone/data", "sha": "f" * 40} if known else {}).encode()
        self.send_response(200 if known else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Stay silent."""


@pytest.fixture
def hub(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        yield address
        server.shutdown()


@pytest.mark.usefixtures("hub")
def test_the_origin_of_a_hub_dataset_is_the_commit_behind_its_revision(tmp_path):
    assert HuggingFace(dataset="someone/data", revision="main").origin(tmp_path) == "f" * 40


@pytest.mark.usefixtures("hub")
def test_a_dataset_that_the_hub_does_not_know_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match=r"someone/else: cannot be loaded: .*404"):
        HuggingFace(dataset="someone/else").origin(tmp_path)


def test_a_hub_out_of_reach_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CorpusError, match="someone/data: cannot be loaded"):
        HuggingFace(dataset="someone/data").origin(tmp_path)


def test_a_hub_dataset_cannot_be_read_offline(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(CorpusError, match="someone/data: cannot be loaded"):
        list(HuggingFace(dataset="someone/data").documents(tmp_path))


def test_columns_of_headings_and_parents_are_read(tmp_path):
    (tmp_path / "data").mkdir()
    rows = {"id": [1], "text": ["one"], "path": [["A", "B"]], "page": ["p"]}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "data" / "train.parquet")
    (only,) = read(tmp_path, columns=Columns(headings="path", parent="page"))
    assert isinstance(only, Document)
    assert (only.headings, only.parent) == ("A > B", "p")
