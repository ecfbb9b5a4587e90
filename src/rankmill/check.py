"""Is a recipe ready to be built?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rankmill.build import Build, open_build
from rankmill.contamination import Evaluation
from rankmill.depends import decontamination_of, evaluation_of
from rankmill.errors import PromptError, StageError
from rankmill.finished import Finished
from rankmill.label.label import ASK_AGAIN
from rankmill.prompts import Prompt
from rankmill.rounds import before
from rankmill.settings import Settings
from rankmill.teachers.engine import Describes


def check(recipe: Path, *, overrides: Sequence[str], settings: Settings) -> Iterator[str]:
    """Check a recipe, its prompts, its corpus and its teachers; one line for each that is sound.

    Raises:
        RankmillError: The first thing that is not.
    """
    with open_build(recipe, overrides=overrides, settings=settings, record=False) as build:
        yield f"recipe {build.recipe.name}: valid"
        for prompt in preflight(build):
            yield f"prompt {prompt.name}: {prompt.front['purpose']}"
        document = _first_document(build)
        yield f"corpus {build.recipe.corpus.kind}: begins with {document}"
        if build.recipe.given:
            yield f"given: {build.recipe.given.count(build.base):,} queries"
        for name, folder in evaluation_of(build).items():
            yield f"evaluation {name}: {Evaluation(folder).digest}"
        sampler, exams = build.recipe.sample, tuple(evaluation_of(build).values())
        for name, found in sampler.origin(build.base, exams).items() if sampler else ():
            yield f"sample, {name}: {found}"
        for teacher, needs in build.recipe.needs.items():
            engine = build.teachers.run(build.teachers.engine(teacher))
            yield f"teacher {teacher}: returns what {', '.join(needs)} need"
            if isinstance(engine, Describes):
                yield from (f"  {line}" for line in build.teachers.run(engine.describe()))


def preflight(build: Build) -> list[Prompt]:
    """Look at whatever a later stage reads, so that what is wrong with it costs no token.

    That is the prompts, the user's files, earlier builds, and the models that embed besides the
    recipe's own, which is the first to be used. Models are not opened for a build that is whole.

    Returns:
        The prompts.

    Raises:
        RankmillError: The first fault.
    """
    recipe = build.recipe
    prompts = prompts_of(build)
    before(build)
    decontamination_of(build)
    for given in (recipe.given, recipe.retrieve.given):
        if given:
            given.read(build.base)
    for name in recipe.queries.earlier:
        Finished.find(build.settings, name).output("generate")
    if recipe.sample:
        recipe.sample.origin(build.base, tuple(evaluation_of(build).values()))
    if build.makes and not build.manifest.was_whole:
        further = (one.embed for one in recipe.retrieve.further)
        for embedder in {
            one.fingerprint: one for one in (*further, *recipe.queries.embedders)
        }.values():
            with embedder.open(build.settings, build.progress.say) as encoder:
                encoder.encode(["Is anybody there?"], "query")
    return prompts


def prompts_of(build: Build) -> list[Prompt]:
    """Every prompt of the recipe, checked against what its user fills in.

    The files that queries come from are looked at too: they may be missing like a prompt.

    Raises:
        CorpusError: One of them cannot be read.
        PromptError: A prompt is missing, not valid, or of the wrong form or variables.
    """
    recipe = build.recipe
    for one in (*recipe.generate, *([recipe.given] if recipe.given else [])):
        one.reads(build.base)
    found = [
        _expect(build.prompt(name), variables, chat=True)
        for how in recipe.generate
        for name, variables in how.prompts.items()
    ]
    if quality := recipe.curate.quality:
        found.append(_expect(build.prompt(quality.prompt), quality.variables, chat=True))
    for use in recipe.queries.uses:
        found.append(_expect(build.prompt(use.prompt), use.variables, chat=use.chat))
    for view in recipe.views:
        prompt = build.prompt(view.prompt)
        found.append(_expect(prompt, view.strategy.variables, chat=view.strategy.chat))
        if view.corrections:
            again = _expect(build.prompt(ASK_AGAIN), frozenset({"fault", "form"}), chat=True)
            found += [again] if again not in found else []
    for export in recipe.assemble.exports:
        for name, variables in export.prompts.items():
            found.append(_expect(build.prompt(name), variables, chat=True))
    return found


def _expect(prompt: Prompt, variables: frozenset[str], *, chat: bool) -> Prompt:
    if prompt.is_chat != chat:
        wanted = "a conversation" if chat else "a continuation (prefix and text)"
        raise PromptError(f"prompt {prompt.name}: expected {wanted}")
    if set(prompt.front["variables"]) != variables:
        raise PromptError(
            f"prompt {prompt.name}: expected variables {sorted(variables)}, "
            f"found {sorted(prompt.front['variables'])}"
        )
    return prompt


def _first_document(build: Build) -> str:
    for document in build.recipe.corpus.documents(build.base):
        if hasattr(document, "docid"):
            return str(document.docid)
    raise StageError(f"corpus {build.recipe.corpus.kind}: no document in it")
