"""One dataset repository of the hub, through huggingface_hub's own client.

Endpoint, token and proxies are that client's own settings: `HF_ENDPOINT`, `HF_TOKEN`, `hf auth
login`. Nothing here says a token, or sends a request but a GET before it is told to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from logging import ERROR
from pathlib import Path
from typing import Any

from rankmill.errors import PublishError
from rankmill.publish.faults import said
from rankmill.publish.parcel import Change, File, There
from rankmill.publish.wanted import MAIN, PULL

_KIND = "dataset"
_AT_A_TIME = 2  # files: as many are begun anew after an interruption
_SECONDS = 120.0  # for one piece of a request or an answer, not for the whole of it


@dataclass(frozen=True, kw_only=True)
class State:
    """What is in a repository.

    Attributes:
        exists: Whether there is such a repository, for who asks.
        private: Whether only those may see it who are let.
        head: Commit that the revision is at; empty if there is no such branch.
        main: Commit that `main` is at.
        files: Files of `at`.
        tags: Commit by tag.
    """

    exists: bool
    private: bool = True
    head: str = ""
    main: str = ""
    files: Mapping[str, There] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def at(self) -> str:
        """The commit that a new one follows: `main`'s where the branch is yet to be made."""
        return self.head or self.main


class Hub:
    """A repository on the hub.

    Raises:
        PublishError: From every method: names the repository and what the hub said, in one line.
    """

    def __init__(self, repo: str, *, bars: bool = False) -> None:
        from huggingface_hub import HfApi, constants, set_client_factory
        from huggingface_hub.utils import logging
        from huggingface_hub.utils._http import default_client_factory
        from huggingface_hub.utils.tqdm import disable_progress_bars

        def client() -> Any:  # noqa: ANN401 - of the client's own HTTP library
            made = default_client_factory()
            made.timeout = _SECONDS
            return made

        set_client_factory(client)
        if not bars:
            disable_progress_bars()
        logging.set_verbosity(ERROR)
        self.repo, self.api = repo, HfApi(library_name="rankmill")
        self.endpoint = constants.ENDPOINT

    @property
    def url(self) -> str:
        """Where a person finds the repository."""
        return f"{self.endpoint}/datasets/{self.repo}"

    def user(self) -> str:
        """Whose token it is."""
        with said("the token"):
            return str(self.api.whoami()["name"])

    def state(self, revision: str) -> State:
        """What is there now."""
        from huggingface_hub.errors import RepositoryNotFoundError

        with said(self.repo):
            try:
                info = self.api.repo_info(self.repo, repo_type=_KIND)
            except RepositoryNotFoundError:
                return State(exists=False)
            refs = self.api.list_repo_refs(
                self.repo, repo_type=_KIND, include_pull_requests=bool(PULL.fullmatch(revision))
            )
        branches = {ref.name: ref.target_commit for ref in refs.branches}
        branches |= {ref.ref: ref.target_commit for ref in refs.pull_requests or ()}
        tags = {ref.name: ref.target_commit for ref in refs.tags}
        if revision in tags or (PULL.fullmatch(revision) and revision not in branches):
            raise PublishError(f"{self.repo}: {revision} is no branch that can be written to")
        main = branches.get(MAIN, "")
        head = branches.get(revision, "")
        files = self.files(head or main) if head or main else {}
        private = bool(info.private)
        return State(exists=True, private=private, head=head, main=main, files=files, tags=tags)

    def files(self, revision: str) -> Mapping[str, There]:
        """Every file of a revision, by path."""
        from huggingface_hub.hf_api import RepoFile

        with said(self.repo):
            entries = self.api.list_repo_tree(
                self.repo, recursive=True, revision=revision, repo_type=_KIND
            )
            return {
                entry.path: There(
                    size=entry.size,
                    sha256=entry.lfs.sha256 if entry.lfs else "",
                    blob=entry.blob_id,
                )
                for entry in entries
                if isinstance(entry, RepoFile)
            }

    def other_kinds(self) -> list[str]:
        """What else has this name: a model, a space."""
        from huggingface_hub.errors import RepositoryNotFoundError

        found = []
        with said(self.repo):
            for kind in ("model", "space"):
                try:
                    self.api.repo_info(self.repo, repo_type=kind)
                except RepositoryNotFoundError:
                    continue
                found.append(kind)
        return found

    def pull_requests(self) -> Iterator[str]:
        """The refs of the pull requests that are open."""
        with said(self.repo):
            for pull in self.api.get_repo_discussions(
                self.repo,
                repo_type=_KIND,
                discussion_type="pull_request",
                discussion_status="open",
            ):
                yield f"refs/pr/{pull.num}"

    def create(self, *, private: bool) -> None:
        """Make the repository."""
        with said(self.repo):
            self.api.create_repo(self.repo, repo_type=_KIND, private=private, exist_ok=True)

    def branch(self, name: str, commit: str) -> None:
        """Make a branch."""
        with said(f"{self.repo}: branch {name}"):
            self.api.create_branch(
                self.repo, branch=name, revision=commit, repo_type=_KIND, exist_ok=True
            )

    def tag(self, name: str, commit: str) -> None:
        """Make a tag; one that is there is not moved."""
        with said(f"{self.repo}: tag {name}"):
            self.api.create_tag(self.repo, tag=name, revision=commit, repo_type=_KIND)

    def commit(
        self, files: Mapping[str, File], changes: Sequence[Change], words: str, target: "Target"
    ) -> tuple[str, str]:
        """Upload what changed and commit it, all in one, on top of what the target was at.

        Large files go first, each for itself: what came whole before an interruption is there,
        and is not sent again.

        Returns:
            The commit, and the pull request's ref if one was asked for.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        adds = [
            CommitOperationAdd(change.path, _handed(files[change.path]))
            for change in changes
            if change.what != "deleted"
        ]
        gone = [CommitOperationDelete(one.path) for one in changes if one.what == "deleted"]
        with said(self.repo):
            made = self.api.create_commit(
                self.repo,
                [*adds, *gone],
                commit_message=words,
                repo_type=_KIND,
                revision=target.revision,
                create_pr=target.pull_request,
                parent_commit=target.commit,
                num_threads=_AT_A_TIME,
            )
        return made.oid, made.pr_revision or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a commit goes: a branch, the commit that it is at, or a pull request onto it."""

    revision: str
    commit: str
    pull_request: bool = False


def _handed(file: File) -> str | bytes:
    return str(file.content) if isinstance(file.content, Path) else file.content
