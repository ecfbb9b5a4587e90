"""Weights from the Hugging Face hub, or from what the user's own cache holds of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rankmill.errors import ModelError
from rankmill.models.registry import KnownModel

_SECONDS_TO_CONNECT = 5.0


def held(model: KnownModel) -> Path | None:
    """The folder of the user's Hugging Face cache that holds every file, if it does."""
    from huggingface_hub import try_to_load_from_cache

    found = (
        try_to_load_from_cache(model.repo, file.name, revision=model.revision)
        for file in model.files
    )
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(model.files) else None


def download(model: KnownModel, advance: Callable[[int], None]) -> Path:
    """Download every file into the user's Hugging Face cache, and return their folder there.

    A download that was interrupted goes on; `advance` is told how many more bytes have come.

    Raises:
        ModelError: The hub cannot be reached, is switched off, or does not have a file.
    """
    import httpx
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    if constants.HF_HUB_OFFLINE:
        raise ModelError("the hub: HF_HUB_OFFLINE is set")
    try:
        # One look whether it answers at all: huggingface_hub would try for half a minute.
        httpx.head(constants.ENDPOINT, timeout=_SECONDS_TO_CONNECT)
        paths = [
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
    return Path(str(paths[0])).parent


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
