"""`rankmill publish`: a build's dataset to the hub, through the gate."""

from pathlib import Path
from typing import Annotated

import typer

from rankmill.cli_session import Data, err, out, said, settings_of
from rankmill.errors import ConfigError
from rankmill.publish import Gate
from rankmill.publish.wanted import Wanted
from rankmill.settings import Settings

publishing = typer.Typer()


@publishing.command()
def publish(  # noqa: PLR0913 - one parameter for every option
    name: Annotated[
        str, typer.Argument(metavar="BUILD", help="Name or folder of a build, or a dataset folder.")
    ],
    repo: Annotated[str, typer.Option(metavar="ORG/NAME", help="A dataset of the hub.")],
    go: Annotated[bool, typer.Option("--yes", "--go", help="Do it, not just show it.")] = False,
    public: Annotated[bool, typer.Option("--public", help="Everybody may see it.")] = False,
    revision: Annotated[str, typer.Option(help="The branch to commit to.")] = "main",
    tag: Annotated[
        str, typer.Option(help="Name of this version; left out, the next of v1, v2, …")
    ] = "",
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Propose it; nothing is tagged.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar='RULE="REASON"', help="Let it pass a rule; the card says why."),
    ] = None,
    data: Data = None,
) -> None:
    """Send a dataset to the hub: one commit, one tag. Without --yes, show what would go where.

    Endpoint and token are huggingface_hub's own: HF_ENDPOINT, and HF_TOKEN or `hf auth login`. What
    is interrupted goes on with the same command, and what is there already is not sent again.
    """
    with said():
        wanted = Wanted(
            repo=repo,
            public=public,
            revision=revision,
            tag=tag,
            pull_request=pull_request,
            reasons=reasons_of(allow or ()),
        )
        _publish(*dataset_of(settings_of(data), name), wanted, go=go)


def _publish(folder: Path, gate: Gate | None, wanted: Wanted, *, go: bool) -> None:
    from rankmill.publish.gate import inspect
    from rankmill.publish.hub import Hub
    from rankmill.publish.publish import carry_out, plan, refuse
    from rankmill.publish.show import gate_table, plan_lines, plan_table

    if gate is None:
        _say(f"{folder} is in no build: the default gate is used, for no recipe sets one", "")
    findings = inspect(folder, gate or Gate())
    out.print(gate_table(findings, wanted.reasons), "")
    refuse([finding for finding in findings if finding.binding], {})
    hub = Hub(wanted.name, bars=err.is_terminal)
    planned = plan(hub, folder, findings, wanted)
    _say(*plan_lines(planned, hub.url))
    if planned.changes and not planned.idle:
        out.print(plan_table(planned))
    refuse(findings, wanted.reasons)
    if not go:
        _say("", "dry run: nothing was sent; --yes sends it")
        return
    done = carry_out(hub, planned)
    where = f"pull request {done.pull_request}" if done.pull_request else done.tag
    state = "there already" if planned.idle else "published, and read back digest by digest"
    _say("", f"{hub.url} {where or wanted.revision} at {done.commit[:12]}: {state}")


def dataset_of(settings: Settings, name: str) -> tuple[Path, Gate | None]:
    """The dataset folder of a build, or a folder that is a dataset, and the gate of the recipe.

    None stands for the gate of a folder that is in no build, so that no recipe says which it is.

    Raises:
        ConfigError: There is neither.
    """
    from rankmill.assemble.files import MANIFEST
    from rankmill.finished import DATASET, Finished
    from rankmill.manifest import read_manifest

    if (Path(name) / MANIFEST).is_file():
        around = Path(name).resolve().parent
        inside = "recipe" in read_manifest(around)
        return Path(name), Finished.find(settings, str(around)).recipe.gate if inside else None
    build = Finished.find(settings, name)
    folder = build.folder / DATASET
    if not (folder / MANIFEST).is_file():
        raise ConfigError(f"{folder}: no dataset yet; run rankmill build first")
    return folder, build.recipe.gate


def reasons_of(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Reason by rule, of texts such as `licences="with the authors' consent"`."""
    pairs = [text.partition("=")[::2] for text in texts]
    return {rule.strip(): reason.strip().strip('"') for rule, reason in pairs}


def _say(*lines: str) -> None:
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
