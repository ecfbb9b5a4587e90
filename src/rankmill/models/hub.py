"""Weights from the Hugging Face hub, or from what the user's own cache holds of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rankmill.errors import ModelError
from rankmill.models.registry import KnownModel

_SECONDS_TO_CONNECT = 5.0


def held(model: KnownModel) -> Path | None:
    """The folder of the user's Hugging Face cache that holds every file, by name and size."""
    found = _cached(model)
    whole = all(
        path is not None and path.stat().st_size == file.size
        for path, file in zip(found, model.files, strict=True)
    )
    return found[0].parent if found[0] and whole else None


def download(
    model: KnownModel, advance: Callable[[int], None], check: Callable[[KnownModel, Path], None]
) -> Path:
    """Download every file into the user's Hugging Face cache, and return their folder there.

    A download that was interrupted goes on; `advance` is told how many more bytes have come.

    Raises:
        ModelError: The hub cannot be reached, is switched off, or does not have a file; or
            `check` does not like what came, which is then removed.
    """
    before = _cached(model)
    paths = [Path(path) for path in _download(model, advance)]
    try:
        check(model, paths[0].parent)
    except ModelError:
        for path in paths:
            if path not in before:  # what the user had before is theirs
                path.resolve().unlink(missing_ok=True)
                path.unlink(missing_ok=True)
        raise
    return paths[0].parent


def _download(model: KnownModel, advance: Callable[[int], None]) -> list[str]:
    import httpx
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    if constants.HF_HUB_OFFLINE:
        raise ModelError("the hub: HF_HUB_OFFLINE is set")
    try:
        # One look whether it answers at all: huggingface_hub would try for half a minute.
        httpx.head(constants.ENDPOINT, timeout=_SECONDS_TO_CONNECT)
        return [
            hf_hub_download(
                model.repo,
                file.name,
                revision=model.revision,
                etag_timeout=_SECONDS_TO_CONNECT,
                tqdm_class=_bar(advance),
            )
            for file in model.files
        ]
    except (OSError, EntryNotFoundError, HfHubHTTPError, httpx.HTTPError) as error:
        raise ModelError(f"the hub: {model.repo}: {_first_line(error)}") from error


def _cached(model: KnownModel) -> list[Path | None]:
    from huggingface_hub import try_to_load_from_cache

    found = (
        try_to_load_from_cache(model.repo, file.name, revision=model.revision)
        for file in model.files
    )
    return [Path(path) if isinstance(path, str) else None for path in found]


def _bar(advance: Callable[[int], None]) -> type[Any]:
    """A bar as huggingface_hub wants one, that draws nothing and tells `advance`."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Unseen(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
            super().__init__(*args, **(options | {"disable": True}))
            advance(int(options.get("initial") or 0))

        def update(self, n: float | None = 1) -> None:
            advance(int(n or 0))

    return Unseen


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
