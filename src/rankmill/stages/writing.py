"""Where queries come from: written by teachers, or given by the user."""

from rankmill.build import Build
from rankmill.depends import documents_of, prompt_of, teacher_of
from rankmill.generate.given import GivenQuery
from rankmill.generate.ground import Corpus
from rankmill.generate.rules import clean
from rankmill.generate.write import Found, write
from rankmill.generate.writing import Seed
from rankmill.generate.written import Written
from rankmill.records import Rejection
from rankmill.tables import SEEDS
from rankmill.tablestore import Output
from rankmill.together import together


def seeds_of(documents: Output, seeds: Output) -> list[Seed]:
    """The documents that get queries, sorted by docid."""
    frame = seeds.read(SEEDS).sort("docid")
    rows = frame.select("cluster", "segment", "start", "end").iter_rows(named=True)
    found = documents_of(documents, frame["docid"])
    return [Seed(document=document, **row) for document, row in zip(found, rows, strict=True)]


def written(build: Build, corpus: Corpus, seeds: list[Seed]) -> list[Found]:
    """What every writer of the recipe makes of the seeds, one writer after another."""
    jobs, before = [], 0
    for how in build.recipe.generate:
        jobs.append((how, how.tasks(seeds, corpus), before))
        before += how.per_document
    total = sum(how.calls * len(tasks) for how, tasks, _ in jobs)
    work = [
        write(
            how,
            tasks,
            build.recipe.queries,
            {name: build.prompt(name) for name in how.prompts},
            build.sender(how.teacher, "generate", total),
            before=before,
        )
        for how, tasks, before in jobs
    ]
    return [one for found in build.teachers.run(together(work)) for one in found] if work else []


def given(build: Build, corpus: Corpus) -> list[Found]:
    """The user's queries, judged like any other, with the source that is known for each."""
    spec = build.recipe.given
    if spec is None:
        return []
    read = spec.read(build.base)
    queries = [one for one in read if isinstance(one, GivenQuery)]
    sources = dict(zip(queries, corpus.sources(queries), strict=True))
    texts = corpus.texts({docid for docid in sources.values() if docid})
    found: list[Found] = []
    for one in read:
        if isinstance(one, Rejection):
            found.append(one)
            continue
        source = sources[one]
        text = clean(one.text)
        if verdict := build.recipe.queries.judge_text(text, texts.get(source or "", "")):
            rule, number = verdict
            found.append(Rejection(id=one.qid, rule=rule, detail=f"{number}: {one.text}"))
        else:
            found.append(
                Written(
                    qid=one.qid,
                    text=text,
                    kind=one.kind,
                    source_docid=source,
                    lang=one.lang,
                )
            )
    return found


def writing_of(build: Build) -> dict[str, str]:
    """What the queries depend on, of all who write them and of the user's files."""
    recipe, found = build.recipe, dict[str, str]()
    for number, how in enumerate(recipe.generate):
        name = f"generate.{number}" if number else "generate"
        found[name] = how.fingerprint
        found |= {f"{name} {what}": said for what, said in how.reads(build.base).items()}
        found |= teacher_of(build, how.teacher)
        for prompt in how.prompts:
            found |= prompt_of(build, prompt)
    if recipe.given:
        found["given"] = recipe.given.fingerprint
        found |= recipe.given.reads(build.base)
    return found
