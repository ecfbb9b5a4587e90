"""A hub on 127.0.0.1: what huggingface_hub and datasets ask of huggingface.co, over real HTTP.

Repositories with commits, branches, tags and pull requests; uploads by LFS, in one piece or in
parts; tokens, rights and private repositories; and faults to order. What is uploaded lies in a
folder, so that gigabytes fit. `python tests/hub_emulator.py FOLDER` serves one until it is ended.
"""

import asyncio
import base64
import hashlib
import itertools
import json
import re
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import yaml
from aiohttp import web

from rankmill.assemble import hub_licences

WRITER, READER, STRANGER = "hf_writes", "hf_reads", "hf_strange"
"""Tokens of one who may write to `org`, of one who may read there, and of one who may neither."""
MEMBERS = {WRITER: "ann", READER: "ben"}
USERS = {**MEMBERS, STRANGER: "eve"}
PAGE = 3  # entries of a tree in one answer
PART = 4 << 20  # a part of a large upload
NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")


def git_id(kind, body):
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A file: the bytes of a small one, or the SHA-256 of one that was uploaded."""

    size: int
    body: bytes = b""
    sha256: str = ""

    @property
    def pointer(self):
        lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}")
        return "\n".join((*lines, f"size {self.size}", "")).encode()

    @property
    def oid(self):
        return git_id("blob", self.pointer if self.sha256 else self.body)

    def as_json(self, path):
        entry = {"type": "file", "path": path, "size": self.size, "oid": self.oid}
        if self.sha256:
            size = len(self.pointer)
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": size}
        return entry


@dataclass
class Repo:
    private: bool
    commits: dict = field(default_factory=dict)  # by id: title, parent, files by path
    branches: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)
    pulls: dict = field(default_factory=dict)  # by number: title, status

    def commit(self, branch, files, title, parent):
        text = json.dumps([title, parent, sorted((p, e.oid) for p, e in files.items())])
        oid = git_id("commit", text.encode())
        self.commits[oid] = {"title": title, "parent": parent, "files": files}
        self.branches[branch] = oid
        return oid

    def resolve(self, revision):
        for known in (self.branches, self.tags):
            if revision in known:
                return known[revision]
        return revision if revision in self.commits else None

    def history(self, revision="main"):
        """Titles of the commits behind a revision, the newest first."""
        titles, oid = [], self.resolve(revision)
        while oid:
            titles.append(self.commits[oid]["title"])
            oid = self.commits[oid]["parent"]
        return titles

    def files(self, revision="main"):
        return self.commits[self.resolve(revision)]["files"]


@dataclass
class Fault:
    """Answers `status` to so many matching requests, or cuts the line after so many bytes."""

    method: str
    path: re.Pattern
    status: int = 503
    times: int = 1
    cut_after: int | None = None
    answered: bool = False  # the request is carried out, and only its answer is lost


class Refusal(Exception):
    """What the hub says no with: a status, its error code and its words."""

    def __init__(self, status, words, code=""):
        super().__init__(words)
        self.answer = (status, words, code)


class Hub:
    """The state of the hub, and what was asked of it.

    Attributes:
        requests: Method and path of every request, in order.
        received: How many bytes of each upload came, by SHA-256, whole or not.
        wholes: Uploads that came whole, in order, by SHA-256.
        loses: Paths that no commit will hold, whatever it says.
    """

    def __init__(self, folder):
        self.objects = folder / "objects"
        self.objects.mkdir(parents=True, exist_ok=True)
        self.repos, self.faults, self.requests = {}, [], []
        self.received, self.wholes, self.url = {}, [], ""
        self.multipart_from, self.delay = 10 << 20, 0.0
        self.words, self.loses = "the hub is out of order", set()
        self._fresh = itertools.count(1)

    def repo(self, name="org/tea", kind="dataset"):
        return self.repos[kind, name]

    def add(self, name, kind="dataset", *, private=True):
        repo = self.repos[kind, name] = Repo(private)
        attributes = Entry(38, b"*.parquet filter=lfs diff=lfs merge=lfs")
        repo.commit("main", {".gitattributes": attributes}, "initial commit", None)
        return repo

    def fail(self, method, path, status=503, **how):
        self.faults.append(Fault(method, re.compile(path), status, **how))

    def asked(self, *methods):
        return [(method, path) for method, path in self.requests if method in methods]

    def stored(self, sha256):
        return (self.objects / sha256).is_file()

    # Who is asking, and what for

    def user(self, request, *, needed=False):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in USERS:
            raise Refusal(401, "Invalid credentials in Authorization header")
        if needed and not token:
            raise Refusal(401, "Invalid username or password.")
        return token

    def found(self, request, *, writes=False):
        kind, name = request.match_info["kind"].removesuffix("s"), self._name(request)
        token = self.user(request)
        repo = self.repos.get((kind, name))
        mine = token in MEMBERS
        if repo is None or (repo.private and not mine):
            raise Refusal(404 if token else 401, "Repository not found", "RepoNotFound")
        if writes and token != WRITER:
            raise Refusal(403 if token else 401, f"You have no right to write to {name}")
        return repo

    def _name(self, request):
        return f"{request.match_info['org']}/{request.match_info['name']}"

    def revision(self, request, repo):
        oid = repo.resolve(unquote(request.match_info["revision"]))
        if oid is None:
            raise Refusal(404, "Invalid rev id", "RevisionNotFound")
        return oid

    # Answers

    async def whoami(self, request):
        name = USERS[self.user(request, needed=True)]
        return web.json_response({"type": "user", "name": name, "orgs": [{"name": "org"}]})

    async def create(self, request):
        token, asked = self.user(request, needed=True), await request.json()
        org, name, kind = asked["organization"], asked["name"], asked.get("type", "model")
        if token != WRITER or org not in {"org", "ann", None}:
            raise Refusal(403, f"You don't have the rights to create a {kind} under {org}")
        if not NAME.fullmatch(name):
            raise Refusal(400, f"Invalid name {name}")
        full = f"{org or USERS[token]}/{name}"
        if (kind, full) in self.repos:
            raise Refusal(409, f"You already created this {kind} repo")
        self.add(full, kind, private=asked.get("visibility") == "private")
        return web.json_response({"url": f"{self.url}/{kind}s/{full}", "name": full})

    async def info(self, request):
        repo = self.found(request)
        oid = self.revision(request, repo) if "revision" in request.match_info else None
        oid = oid or repo.resolve("main")
        files = [{"rfilename": path} for path in sorted(repo.commits[oid]["files"])]
        name = self._name(request)
        said = {"_id": name, "id": name, "sha": oid, "private": repo.private, "siblings": files}
        return web.json_response({**said, "tags": [], "gated": False, "disabled": False})

    async def refs(self, request):
        repo = self.found(request)

        def listed(kind, refs):
            return [
                {"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": c} for n, c in refs.items()
            ]

        pulls = {n: c for n, c in repo.branches.items() if n.startswith("refs/pr/")}
        heads = {n: c for n, c in repo.branches.items() if n not in pulls}
        said = {"branches": listed("heads", heads), "tags": listed("tags", repo.tags)}
        said |= {"converts": []}
        if request.query.get("include_prs"):
            said["pullRequests"] = [
                {"name": n.split("/")[-1], "ref": n, "targetCommit": c} for n, c in pulls.items()
            ]
        return web.json_response(said)

    async def discussions(self, request):
        repo, name = self.found(request), self._name(request)
        wanted = {"open": ("open", "draft")}.get(request.query.get("status"), ("open", "closed"))
        found = [
            {
                "num": number,
                "title": pull["title"],
                "status": pull["status"],
                "author": {"name": "ann"},
                "createdAt": "2026-01-01T00:00:00.000Z",
                "isPullRequest": True,
                "repo": {"name": name, "type": "dataset"},
            }
            for number, pull in repo.pulls.items()
            if pull["status"] in wanted
        ]
        return web.json_response({"discussions": found, "count": len(found), "start": 0})

    async def tree(self, request):
        repo = self.found(request)
        files = repo.commits[self.revision(request, repo)]["files"]
        inside = unquote(request.match_info.get("path", "")).strip("/")
        deep = request.query.get("recursive", "").lower() in {"true", "1"}
        listed = self._entries(files, inside, deep)
        if inside and not listed:
            raise Refusal(404, f"{inside} does not exist", "EntryNotFound")
        start = int(request.query.get("cursor", 0))
        answer = web.json_response(listed[start : start + PAGE])
        if start + PAGE < len(listed):
            query = {**request.query, "cursor": str(start + PAGE)}
            answer.headers["Link"] = f'<{request.url.with_query(query)}>; rel="next"'
        return answer

    def _entries(self, files, inside, deep):
        prefix = f"{inside}/" if inside else ""
        listed = {}
        for path, entry in sorted(files.items()):
            if not path.startswith(prefix):
                continue
            folders = path[len(prefix) :].split("/")[:-1]
            for depth in range(1, len(folders) + 1):
                if deep or depth == 1:
                    folder = prefix + "/".join(folders[:depth])
                    oid = git_id("tree", folder.encode())
                    listed[folder] = {"type": "directory", "path": folder, "size": 0, "oid": oid}
            if deep or not folders:
                listed[path] = entry.as_json(path)
        return list(listed.values())

    async def paths_info(self, request):
        repo = self.found(request)
        files = repo.commits[self.revision(request, repo)]["files"]
        asked = (await request.post()).getall("paths", [])
        listed = {entry["path"]: entry for entry in self._entries(files, "", True)}
        return web.json_response([listed[path] for path in asked if path in listed])

    async def preupload(self, request):
        repo = self.found(request, writes=True)
        files = repo.commits[self.revision(request, repo)]["files"]
        asked = (await request.json())["files"]
        return web.json_response({"files": [self._mode(file, files) for file in asked]})

    def _mode(self, file, files):
        path = file["path"]
        large = path.endswith(".parquet") or file["size"] > 10 << 20
        said = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        if path in files:
            said["oid"] = files[path].sha256 or files[path].oid
        return said

    async def batch(self, request):
        self.found(request, writes=True)
        objects = (await request.json())["objects"]
        said = [self._upload(one["oid"], one["size"]) for one in objects]
        return web.json_response({"transfer": "basic", "objects": said})

    def _upload(self, oid, size):
        if self.stored(oid):
            return {"oid": oid, "size": size}
        upload = {"href": f"{self.url}/storage/{oid}"}
        if size > self.multipart_from:
            parts = -(-size // PART)
            places = {str(n): f"{self.url}/storage/{oid}/{n}" for n in range(1, parts + 1)}
            upload["header"] = {"chunk_size": str(PART), **places}
        verify = {"href": f"{self.url}/verify"}
        return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}}

    async def put(self, request):
        oid, part = request.match_info["oid"], request.match_info.get("part", "")
        place = self.objects / f"{oid}.{part or 'whole'}.{next(self._fresh)}"
        digest = hashlib.sha256()
        with place.open("wb") as file:
            async for piece in request.content.iter_chunked(1 << 20):
                file.write(piece)
                digest.update(piece)
                self.received[oid] = self.received.get(oid, 0) + len(piece)
                if self.delay:
                    await asyncio.sleep(self.delay)
        if part:
            place.replace(self.objects / f"{oid}.part{part}")
        elif digest.hexdigest() != oid:
            raise Refusal(400, "The bytes are not those that were announced")
        else:
            self._whole(place, oid)
        return web.Response(headers={"ETag": digest.hexdigest()})

    async def complete(self, request):
        asked = await request.json()
        oid, digest = asked["oid"], hashlib.sha256()
        place = self.objects / f"{oid}.joined"
        with place.open("wb") as file:
            for part in sorted(asked["parts"], key=lambda part: part["partNumber"]):
                source = self.objects / f"{oid}.part{part['partNumber']}"
                body = source.read_bytes()
                digest.update(body)
                file.write(body)
                source.unlink()
        if digest.hexdigest() != oid:
            raise Refusal(400, "The parts are not what was announced")
        self._whole(place, oid)
        return web.json_response({})

    def _whole(self, place, oid):
        place.replace(self.objects / oid)
        self.wholes.append(oid)

    async def verify(self, request):
        asked = await request.json()
        place = self.objects / asked["oid"]
        if not place.is_file() or place.stat().st_size != asked["size"]:
            raise Refusal(422, "Not what was announced")
        return web.json_response({})

    async def commit(self, request):
        repo, asked = self.found(request, writes=True), unquote(request.match_info["revision"])
        lines = [json.loads(line) for line in (await request.read()).splitlines()]
        header, operations = lines[0]["value"], lines[1:]
        head = self.revision(request, repo)
        if header.get("parentCommit", head) != head:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = dict(repo.commits[head]["files"])
        for line in operations:
            self._apply(line["key"], line["value"], files)
        files = {path: entry for path, entry in files.items() if path not in self.loses}
        said = {}
        if request.query.get("create_pr"):
            number = len(repo.pulls) + 1
            asked = f"refs/pr/{number}"
            repo.pulls[number] = {"title": header["summary"], "status": "open"}
            url = f"{self.url}/datasets/{self._name(request)}/discussions/{number}"
            said = {"pullRequestUrl": url}
        elif asked not in repo.branches:
            raise Refusal(400, f"{asked} is not a branch")
        oid = repo.commit(asked, files, header["summary"], head)
        url = f"{self.url}/datasets/{self._name(request)}/commit/{oid}"
        return web.json_response({"success": True, "commitOid": oid, "commitUrl": url, **said})

    def _apply(self, key, value, files):
        path = value["path"]
        if key == "file":
            body = base64.b64decode(value["content"])
            files[path] = Entry(len(body), body)
        elif key == "lfsFile":
            if not self.stored(value["oid"]):
                raise Refusal(400, f"{path}: LFS pointer pointed to a file that does not exist")
            files[path] = Entry(value["size"], sha256=value["oid"])
        elif files.pop(path, None) is None:
            raise Refusal(404, f"{path}: A file with this name doesn't exist", "EntryNotFound")

    async def tag(self, request):
        repo, asked = self.found(request, writes=True), await request.json()
        if asked["tag"] in repo.tags:
            raise Refusal(409, f"Tag {asked['tag']} exists already")
        repo.tags[asked["tag"]] = self.revision(request, repo)
        return web.json_response({})

    async def branch(self, request):
        repo, name = self.found(request, writes=True), unquote(request.match_info["revision"])
        if name in repo.branches:
            raise Refusal(409, f"Branch {name} exists already")
        asked = await request.json()
        repo.branches[name] = repo.resolve(asked.get("startingPoint", "main"))
        return web.json_response({})

    async def validate_yaml(self, request):
        text = (await request.json())["content"]
        front = yaml.safe_load(text.split("---")[1]) or {} if text.startswith("---") else {}
        licences, name = front.get("license") or [], front.get("license_name", "named")
        errors = []
        licences = [licences] if isinstance(licences, str) else licences
        if not all(map(hub_licences.known, licences)):
            errors.append({"message": '"license" must be one of the ids of licences'})
        if not re.fullmatch(r"[a-z0-9.-]+", name):
            errors.append({"message": '"license_name" must be an id'})
        said = {"errors": errors, "warnings": []}
        return web.json_response(said, status=400 if errors else 200)

    async def resolve(self, request):
        repo = self.found(request)
        oid, path = self.revision(request, repo), unquote(request.match_info["path"])
        entry = repo.commits[oid]["files"].get(path)
        if entry is None:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        etag = f'"{entry.sha256 or entry.oid}"'
        headers = {"X-Repo-Commit": oid, "ETag": etag, "Accept-Ranges": "bytes"}
        if not entry.sha256:
            return web.Response(body=entry.body, headers=headers)
        headers |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": etag}
        # Another host than the hub's, as in the world: a client takes no token there.
        storage = self.url.replace("127.0.0.1", "localhost")
        headers["Location"] = f"{storage}/storage/{entry.sha256}"
        return web.Response(status=302, headers=headers)

    async def get(self, request):
        return web.FileResponse(self.objects / request.match_info["oid"])

    # The machinery

    @web.middleware
    async def watched(self, request, handler):
        # What was asked, as it was written: an escaped slash stays escaped.
        path = request.raw_path
        self.requests.append((request.method, path.partition("?")[0]))
        for fault in self.faults:
            if fault.times and fault.method == request.method and fault.path.search(path):
                fault.times -= 1
                return await self._faulty(fault, request, handler)
        try:
            return await self._answered(request, handler)
        except ConnectionResetError:  # who asked is gone
            return web.Response()

    async def _faulty(self, fault, request, handler):
        if fault.answered:
            await self._answered(request, handler)
        if fault.cut_after is None and not fault.answered:
            await request.read()
            return web.Response(status=fault.status, headers={"X-Error-Message": self.words})
        if fault.cut_after:
            await request.content.readexactly(fault.cut_after)
        request.transport.abort()
        return web.Response()

    async def _answered(self, request, handler):
        try:
            return await handler(request)
        except Refusal as refusal:
            status, words, code = refusal.answer
            headers = {"X-Error-Message": words, **({"X-Error-Code": code} if code else {})}
            return web.json_response({"error": words}, status=status, headers=headers)

    def app(self):
        app = web.Application(client_max_size=1 << 30, middlewares=[self.watched])
        repo = "/api/{kind:models|datasets|spaces}/{org}/{name}"
        app.add_routes(
            [
                web.get("/api/whoami-v2", self.whoami),
                web.post("/api/repos/create", self.create),
                web.post("/api/validate-yaml", self.validate_yaml),
                web.get(repo, self.info),
                web.get(repo + "/revision/{revision}", self.info),
                web.get(repo + "/refs", self.refs),
                web.get(repo + "/discussions", self.discussions),
                web.get(repo + "/tree/{revision}", self.tree),
                web.get(repo + "/tree/{revision}/{path:.*}", self.tree),
                web.post(repo + "/paths-info/{revision}", self.paths_info),
                web.post(repo + "/preupload/{revision}", self.preupload),
                web.post(repo + "/commit/{revision}", self.commit),
                web.post(repo + "/tag/{revision}", self.tag),
                web.post(repo + "/branch/{revision}", self.branch),
                web.post("/{kind:datasets}/{org}/{name}.git/info/lfs/objects/batch", self.batch),
                web.get("/{kind:datasets}/{org}/{name}/resolve/{revision}/{path:.*}", self.resolve),
                web.put("/storage/{oid}", self.put),
                web.put("/storage/{oid}/{part}", self.put),
                web.post("/storage/{oid}", self.complete),
                web.get("/storage/{oid}", self.get),
                web.post("/verify", self.verify),
            ]
        )
        return app

    async def serve(self, ready, until):
        runner = web.AppRunner(self.app(), shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        ready()
        await until.wait()
        await runner.cleanup()


@contextmanager
def serving(folder):
    """A hub in a thread of this process."""
    hub, ready = Hub(folder), threading.Event()
    loop, until = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(hub.serve(ready.set, until)))
    thread.start()
    try:
        assert ready.wait(10)
        yield hub
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join(10)
        loop.close()


def main():
    """Serve a hub until standard input ends: its URL is said first, and what it got, last."""
    hub = Hub(Path(sys.argv[1]))

    async def run():
        until = asyncio.Event()
        loop = asyncio.get_running_loop()

        def told():
            for line in sys.stdin:  # `received`: the bytes that came so far
                if line.strip() == "received":
                    sys.stdout.write(f"{sum(hub.received.values())}\n")
                    sys.stdout.flush()
            loop.call_soon_threadsafe(until.set)

        threading.Thread(target=told, daemon=True).start()
        await hub.serve(lambda: sys.stdout.write(f"{hub.url}\n") and sys.stdout.flush(), until)

    asyncio.run(run())


if __name__ == "__main__":
    main()
