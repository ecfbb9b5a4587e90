"""A whole dataset folder, or one file by itself."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from rankmill.audit.digests import digests, read_manifest
from rankmill.audit.references import References
from rankmill.audit.shards import batches_of, shards
from rankmill.errors import ConfigError, TableError
from rankmill.export import asked_for
from rankmill.export.ids import CORPUS, KEPT_QUERIES, LIST_IDS, QRELS, READINGS
from rankmill.tables import CONTAMINATION, REJECTIONS, Table
from rankmill.validate.findings import Checked, Finding, Found
from rankmill.validate.formats import formats, kinds, split_of
from rankmill.validate.loaders import DATASETS, LOADERS, Files, Loader, read
from rankmill.validate.row import Row
from rankmill.validate.rules import Ids, check

_TABLES = (CORPUS, KEPT_QUERIES, LIST_IDS, QRELS, READINGS, REJECTIONS, CONTAMINATION)
_BY_RULES = {".json", ".jsonl", ".parquet", ".tsv", ".txt"}


def validate(folder: Path) -> list[Checked]:
    """Read every file of a dataset folder as its consumers do, and by the rules of its format.

    Raises:
        ConfigError: It is a file.
        TableError: It is no dataset folder: MANIFEST.json is missing or says nothing of files, or
            of exports what no rankmill wrote.
    """
    if folder.is_file():
        raise ConfigError(f"{folder}: a file by itself needs --as KIND")
    found = [_digests(folder), *_tables(folder)]
    for name, export in _exports(read_manifest(folder)):
        found += _export(folder, name, export)
    return _joined(_told([*found, *_configs(folder)]))


def _exports(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    exports = manifest.get("exports", {})
    for name, export in exports.items() if isinstance(exports, dict) else [("exports", exports)]:
        kind = export.get("kind") if isinstance(export, dict) else None
        if kind not in kinds() or not isinstance(export.get("files"), list):
            raise TableError(f"MANIFEST.json: {name}: expected the kind and files of an export")
        yield name, export


def validate_file(path: Path, kind: str, options: Mapping[str, Any] | None = None) -> list[Checked]:
    """Hold one file against the rules of a kind of export, whoever wrote it.

    Args:
        path: The file.
        kind: An export's, or what it is used for, such as a loss.
        options: The export's own; of a use, those that it needs unless they are given.

    Raises:
        ConfigError: There is no such kind, or none of its files is called so or written so.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    if kind not in kinds():
        kind, suited = _serving(kind)
        options = {**suited, **(options or {})}
    rows = formats(kind, options or {})
    fitting = max(rows, key=lambda name: _fit(path, name), default="")
    if not fitting or not _fit(path, fitting):
        raise ConfigError(f"{path}: expected a file of {kind} such as {', '.join(rows)}")
    return [check(path, path.name, rows[fitting], {})]


def _serving(use: str) -> tuple[str, dict[str, Any]]:
    """The kind of export that serves a use, and the options that go with it."""
    try:
        wanted = asked_for({"for": use})
    except ValueError as error:
        known = ", ".join(kinds())
        raise ConfigError(f"--as {use}: expected one of {known}, or a use; {error}") from error
    return wanted.pop("kind"), wanted


def _fit(path: Path, template: str) -> int:
    """How well a path's end fits: by folder and name 3, by name 2, by suffix 1."""
    name = Path(template)
    tail = "/".join(path.absolute().parts[-len(name.parts) :])
    if split_of(tail, template) is not None:
        return 3
    return 2 if split_of(path.name, name.name) is not None else int(path.suffix == name.suffix)


def _digests(folder: Path) -> Checked:
    said = digests(folder)
    findings = [
        Finding(line=0, field="bytes", found=row, expected="what MANIFEST.json says")
        for row in said.rows
    ]
    count = len(read_manifest(folder)["files"])
    return Checked(
        file="MANIFEST.json", rows=count, by=("SHA-256",), findings=findings, more=said.more
    )


def _tables(folder: Path) -> Iterator[Checked]:
    """The configs by ids, held against their tables, and every id against what it names."""
    ids, lost = None, Found()
    try:
        ids = References(folder)
    except TableError as error:
        lost.add(0, [("ids", str(error), "a corpus and queries that can be read")])
    for table in _TABLES:
        for file in shards(folder, table.name):
            yield _table(folder, file, table, ids)
    if ids:
        (said,) = ids.findings()
        rows = said.rows if not said.passed else ()
        lost.add(0, [("ids", row, "ids that lead somewhere") for row in rows])
    yield _checked("ids", ids.ids if ids else 0, "rules", lost)


def _table(folder: Path, file: PurePosixPath, table: Table, ids: References | None) -> Checked:
    """One file held against its table; its ids are seen on the way."""
    found, count = Found(), 0
    try:
        for batch in batches_of(folder, file):
            if ids:
                ids.see(batch)
            try:
                table.check(batch.rows)
            except TableError as error:
                found.add(batch.start + 1, [("row", str(error), "the table's columns")])
            count += len(batch.rows)
    except TableError as error:
        found.add(0, [("file", str(error), "a Parquet file")])
    return _checked(str(file), count, "rules", found)


def _checked(file: str, rows: int, by: str, found: Found) -> Checked:
    return Checked(file=file, rows=rows, by=(by,), findings=tuple(found.first), more=found.more)


def _export(folder: Path, name: str, export: Mapping[str, Any]) -> Iterator[Checked]:
    """The files of one export: by the rules of its kind, and by its consumer."""
    rows = formats(export["kind"], export.get("options", {}))
    known: defaultdict[str, Ids] = defaultdict(dict)
    splits: defaultdict[str, list[str]] = defaultdict(list)
    for split, path, row in _ordered(name, export["files"], rows):
        for what, ids in known[""].items():
            known[split].setdefault(what, ids)
        yield check(folder / path, path, row, known[split])
        splits[split].append(path)
    loader = LOADERS.get(export["kind"])
    if loader and loader.installed:
        for split, paths in splits.items():
            yield from _loaded(loader, folder, name, split, paths)


def _ordered(
    name: str, files: Sequence[str], rows: Mapping[str, type[Row]]
) -> Iterator[tuple[str, str, type[Row]]]:
    """Files that have rules, those with ids first: split, path and what their rows are."""
    for template, row in rows.items():
        for path in files:
            split = split_of(path.removeprefix(f"{name}/"), template)
            if split is not None:
                yield split, path, row


def _configs(folder: Path) -> Iterator[Checked]:
    """Every config of the card, through `load_dataset`."""
    from huggingface_hub import DatasetCard
    from yaml import YAMLError

    if not (DATASETS.installed and (folder / "README.md").is_file()):
        return
    try:
        card = DatasetCard.load(folder / "README.md")
    except (YAMLError, ValueError) as error:
        found = Found()
        found.add(0, [("front matter", " ".join(str(error).split()), "YAML as the hub reads it")])
        yield _checked("README.md", 0, "huggingface_hub", found)
        return
    for config in card.data.to_dict().get("configs") or []:
        for data in config["data_files"]:
            paths = [data["path"]] if isinstance(data["path"], str) else data["path"]
            yield from _loaded(DATASETS, folder, config["config_name"], data["split"], paths)


def _loaded(
    loader: Loader, folder: Path, name: str, split: str, paths: Sequence[str]
) -> Iterator[Checked]:
    files = Files(folder=folder, name=name, split=split, paths=paths, scratch=folder)
    said = read(loader, files)
    found = Found()
    if said:
        found.add(0, [("file", said, f"what {loader.name} reads")])
    for path in paths:
        yield _checked(path, 0, loader.name, found)


def _told(found: Sequence[Checked]) -> Iterator[Checked]:
    """What was found, put on no file that is blamed for another.

    Consumers open all files of a folder at once, and stumble over any that cannot be read.
    """
    ruled = [one for one in found if "rules" in one.by]
    broken = {one.file for one in ruled if any(said.field == "file" for said in one.findings)}
    folders = {file.partition("/")[0] for file in broken}
    for one in found:
        consumed = "rules" not in one.by and one.file.partition("/")[0] in folders
        innocent = consumed and one.file not in broken
        yield replace(one, findings=(), more=0) if innocent else one


def _joined(found: Iterable[Checked]) -> list[Checked]:
    """One for every file."""
    files: dict[str, Checked] = {}
    for one in found:
        files[one.file] = files[one.file] + one if one.file in files else one
    return list(files.values())
