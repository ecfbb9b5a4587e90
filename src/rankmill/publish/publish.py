"""The way to the hub: what would happen first, and then that and nothing else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rankmill.audit.findings import Finding
from rankmill.errors import GateClosed, PublishError
from rankmill.publish.card import with_reasons
from rankmill.publish.hub import Hub, State, Target
from rankmill.publish.parcel import Change, File, changes, parcel
from rankmill.publish.wanted import Wanted

_VERSION = re.compile(r"v(\d+)")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would happen.

    Attributes:
        files: All that the hub will hold then, by path.
        changes: What has to happen for that.
        tag: Tag to be made; empty if none is.
        proposed: An open pull request that holds the same files; empty if there is none.
        notes: What a person should know.
    """

    wanted: Wanted
    state: State
    files: Mapping[str, File]
    changes: Sequence[Change]
    tag: str
    proposed: str = ""
    notes: Sequence[str] = ()

    @property
    def idle(self) -> bool:
        """Whether the hub has all of it already."""
        missing = self.state.exists and not self.state.head
        return bool(self.proposed) or not (self.changes or self.tag or missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the hub holds now: the commit, its tag or pull request if it has one."""

    commit: str
    tag: str = ""
    pull_request: str = ""


def closed(findings: Sequence[Finding], reasons: Mapping[str, str]) -> Sequence[Finding]:
    """The findings that keep a dataset here."""
    return [
        finding
        for finding in findings
        if not finding.passed and (finding.binding or finding.rule not in reasons)
    ]


def refuse(findings: Sequence[Finding], reasons: Mapping[str, str]) -> None:
    """Stop here, unless every rule is passed or has a reason.

    Raises:
        GateClosed: Names each rule, what was found, and the first rows.
    """
    if kept := closed(findings, reasons):
        raise GateClosed(f"nothing was sent: {'; '.join(map(str, kept))}".replace("\n", ", "))


def plan(hub: Hub, folder: Path, findings: Sequence[Finding], wanted: Wanted) -> Plan:
    """Compare what the hub has with what would go there. Nothing is sent but GETs.

    Args:
        hub: The repository.
        folder: A dataset folder that is whole.
        findings: What the gate found in it.
        wanted: What was asked for.

    Raises:
        PublishError: It cannot be done: the tag is taken, the repository is public or none yet.
    """
    state = hub.state(wanted.revision)
    notes = _notes(hub, wanted, state)
    files = parcel(folder, with_reasons(folder, findings, wanted.reasons))
    found = changes(files, state.files)
    tag = _tag(wanted, state, changed=bool(found))
    proposed = _proposed(hub, files) if wanted.pull_request and found else ""
    return Plan(
        wanted=wanted,
        state=state,
        files=files,
        changes=found,
        tag=tag,
        proposed=proposed,
        notes=notes,
    )


def carry_out(hub: Hub, plan: Plan) -> Published:
    """Do what the plan says, and read back that the hub holds every file, digest by digest.

    What was interrupted goes on when it is planned and carried out anew: files that came whole are
    not sent again, a commit that was made is not made twice, and a tag that is missing is made.

    Raises:
        PublishError: The hub does not take it, or holds something else afterwards.
    """
    wanted, state = plan.wanted, plan.state
    hub.user()
    if plan.idle:
        return Published(commit=state.head, pull_request=plan.proposed)
    if not state.exists:
        hub.create(private=not wanted.public)
        state = hub.state(wanted.revision)
    if not state.head:
        hub.branch(wanted.revision, state.main)
    commit, pull_request = state.at, ""
    if plan.changes:
        target = Target(revision=wanted.revision, commit=commit, pull_request=wanted.pull_request)
        words = f"Publish {plan.tag or wanted.name}"
        commit, pull_request = hub.commit(plan.files, plan.changes, words, target)
        if differing := changes(plan.files, hub.files(commit)):
            first = differing[0]
            raise PublishError(f"{wanted.name}: {first.path} is not on the hub as it is here")
    if plan.tag:
        hub.tag(plan.tag, commit)
    return Published(commit=commit, tag=plan.tag, pull_request=pull_request)


def _notes(hub: Hub, wanted: Wanted, state: State) -> Sequence[str]:
    """What a person should know, unless it stops everything."""
    if not state.exists:
        if wanted.proposes:
            raise PublishError(f"{wanted.name}: no such repository to propose anything to")
        spelled = wanted.repo.startswith("datasets/")
        if not spelled and (kinds := hub.other_kinds()):
            raise PublishError(
                f"{wanted.name} is a {kinds[0]}, expected a dataset; --repo "
                f"datasets/{wanted.name} makes one beside it"
            )
        return ()
    if wanted.public and state.private:
        return ("It stays private: who may see a repository is changed on the hub.",)
    if not (wanted.public or state.private):
        raise PublishError(f"{wanted.name} is public; say --public if that is meant")
    return ()


def _tag(wanted: Wanted, state: State, *, changed: bool) -> str:
    """The tag to make. One that is there stays where it is."""
    if wanted.proposes:
        return ""
    commit = "" if changed else state.at
    if wanted.tag:
        at = state.tags.get(wanted.tag)
        if at and at != commit:
            raise PublishError(
                f"{wanted.name}: tag {wanted.tag} is at {at[:7]} already, and a tag is never moved"
            )
        return "" if at else wanted.tag
    if commit in state.tags.values():
        return ""
    versions = [int(found[1]) for found in map(_VERSION.fullmatch, state.tags) if found]
    return f"v{max(versions, default=0) + 1}"


def _proposed(hub: Hub, files: Mapping[str, File]) -> str:
    return next((ref for ref in hub.pull_requests() if not changes(files, hub.files(ref))), "")
