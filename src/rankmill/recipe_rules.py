"""Recipes that say what cannot be: found when they are loaded, before a token is spent."""

from rankmill.export import Scale
from rankmill.label import View
from rankmill.recipe_sections import Sections


def check_sections(recipe: Sections) -> None:
    """Hold the sections of a recipe against each other.

    Raises:
        ValueError: They do not go together; says which, and what was expected.
    """
    for check in _CHECKS:
        check(recipe)


def _rounds_follow(recipe: Sections) -> None:
    """Refuse a second round after nothing, and a first one after something."""
    if recipe.round > 1 and not recipe.after:
        raise ValueError(f"round {recipe.round} needs after: the build that it follows")
    if recipe.after and recipe.round == 1:
        raise ValueError(f"a recipe after {recipe.after} is round 2 or more, found round 1")
    if recipe.after == recipe.name:
        raise ValueError(f"after: {recipe.name} cannot follow itself; expected another name")


def _names_are_known(recipe: Sections) -> None:
    """Refuse a teacher or a view that the recipe does not define."""
    views = [view.name for view in recipe.views]
    if repeated := {name for name in views if views.count(name) > 1}:
        raise ValueError(f"views repeat the name {sorted(repeated)}")
    users = {f"generate.{n}": how.teacher for n, how in enumerate(recipe.generate)}
    if len(users) == 1:
        users = {"generate": recipe.generate[0].teacher}
    users |= {f"views.{view.name}": view.teacher for view in recipe.views}
    users |= {f"queries.screens {use.name}": use.teacher for use in recipe.queries.uses}
    users |= recipe.curate.teachers
    for where, teacher in users.items():
        if teacher not in recipe.teachers:
            known = ", ".join(recipe.teachers)
            raise ValueError(f"{where}: no teacher {teacher}; the recipe defines {known}")
    if unknown := (recipe.settle.reads | set(recipe.settle.weights)) - set(views):
        raise ValueError(f"settle names views {sorted(unknown)}; the recipe defines {views}")
    scoring = {view.name for view in recipe.views if view.strategy.score_kind}
    if silent := recipe.settle.scores - scoring:
        raise ValueError(f"settle reads scores of {sorted(silent)}, which only rank")
    if not any(map(recipe.settle.weight, views)):
        raise ValueError("settle.weights leaves no view in the consensus")


def _quality_is_judged(recipe: Sections) -> None:
    """Refuse to sample by a quality that nobody judges."""
    if recipe.sample and recipe.sample.kind == "quality" and not recipe.curate.quality:
        raise ValueError("sample: kind quality needs curate.quality, which says who judges it")


def _there_are_queries(recipe: Sections) -> None:
    """Refuse a recipe in which nobody writes queries and none are given."""
    if not recipe.generate and not recipe.given:
        raise ValueError("no queries; expected generate, given or both")
    if recipe.generate and not recipe.sample:
        raise ValueError("missing key sample: generate needs to know which documents")
    if recipe.sample and recipe.sample.positions and not any(how.marks for how in recipe.generate):
        raise ValueError("sample.segments: no writer asks for them; kinds grid, configured do")


def _cascades_are_two_deep(recipe: Sections) -> None:
    """Refuse a view that waits for one that waits itself, or is not there."""
    first = [view.name for view in recipe.views if not view.where]
    for view in recipe.views:
        if view.where and (unknown := set(view.where.views) - set(first)):
            raise ValueError(
                f"views.{view.name}.where names {sorted(unknown)}; expected views that wait "
                f"for no other: {', '.join(first) or 'there is none'}"
            )
        readings = sum(v.most_trials for v in recipe.views if v.name in _waits_for(view))
        if readings == 1:
            raise ValueError(
                f"views.{view.name}.where: one reading agrees with itself; name several views, "
                "or one with several trials"
            )
        if view.where and view.name in recipe.settle.reads:
            raise ValueError(
                f"settle reads {view.name}, which is not asked about every list; filters and "
                "grades need views without where"
            )


def _exams_are_named(recipe: Sections) -> None:
    """Refuse to remove what touches an evaluation collection, where none is named."""
    if recipe.curate.decontaminate.documents == "remove" and not recipe.assemble.evaluation:
        raise ValueError(
            "curate.decontaminate: documents remove needs assemble.evaluation, the folders of the "
            "collections whose documents are to go"
        )


def _splits_fit(recipe: Sections) -> None:
    """Refuse fewer clusters than splits, where their number is known."""
    clusters = recipe.cluster.clusters
    if recipe.splits.by != "clusters" or not isinstance(clusters, int):
        return
    if reason := recipe.splits.refusal(clusters):
        raise ValueError(f"cluster.clusters: {reason}")


def _seeds_cover_clusters(recipe: Sections) -> None:
    """Refuse fewer seeds than clusters where every cluster gives one, and their number is known."""
    clusters, sampler = recipe.cluster.clusters, recipe.sample
    if not sampler or not sampler.covers or not isinstance(clusters, int):
        return
    if sampler.documents < clusters:
        raise ValueError(
            f"sample: {sampler.documents:,} seeds cannot cover {clusters:,} clusters, and kind "
            f"{sampler.kind} takes one of each; let sample.documents be at least {clusters:,}, or "
            f"cluster.clusters at most {sampler.documents:,}"
        )


def _lists_fit(recipe: Sections) -> None:
    """Refuse lists that are longer than a strategy can label."""
    docids = [str(place) for place in range(recipe.retrieve.depth)]
    for view in recipe.views:
        try:
            next(view.strategy.plan(docids), ())
        except ValueError as error:
            raise ValueError(f"views.{view.name}: retrieve.depth of {error}") from error


def _exports_fit(recipe: Sections) -> None:
    """Refuse an export that could do nothing with such labels, or only harm."""
    voting = [view for view in recipe.views if recipe.settle.weight(view.name)]
    least = max(1, sum(not view.where for view in voting))  # the others see some lists only
    kinds = {recipe.settle.score_kind(many) for many in (least, len(voting))}
    best = recipe.settle.grades.best
    scale = Scale(score_kind=" or ".join(sorted(kinds)), best_grade=best)
    if reason := recipe.assemble.refusal(scale):
        raise ValueError(f"assemble.{reason}")
    names = [view.name for view in recipe.views]
    for export in recipe.assemble.exports:
        if unknown := sorted(set(export.reads) - set(names)):
            raise ValueError(
                f"assemble.exports.{export.folder} names views {unknown}; the recipe defines "
                f"{names}"
            )
        if reason := export.refusal(scale):
            raise ValueError(f"assemble.exports.{export.folder}: {reason}")


def _waits_for(view: View) -> tuple[str, ...]:
    return view.where.views if view.where else ()


_CHECKS = (
    _rounds_follow,
    _names_are_known,
    _quality_is_judged,
    _there_are_queries,
    _cascades_are_two_deep,
    _exams_are_named,
    _splits_fit,
    _seeds_cover_clusters,
    _lists_fit,
    _exports_fit,
)
