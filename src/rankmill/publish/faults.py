"""What the hub's client raises, in one line that holds no token."""

from collections.abc import Iterator
from contextlib import contextmanager

from rankmill.errors import PublishError

_LONGEST = 300


@contextmanager
def said(what: str) -> Iterator[None]:
    """Say what went wrong with `what`.

    Raises:
        PublishError: The client raised something.
    """
    from huggingface_hub.errors import HfHubHTTPError

    # Of whichever HTTP library the client uses.
    http_error: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        yield
    except (OSError, ValueError, http_error) as error:
        raise PublishError(f"{what}: {_words(error, http_error)}") from error
    except RuntimeError as error:  # an upload's own fault stands behind it
        cause = f" {_words(error.__cause__, http_error)}" if error.__cause__ else ""
        raise PublishError(f"{what}: {_line(error)}{cause}") from error


def _words(error: BaseException, http_error: type[Exception]) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    if isinstance(error, LocalTokenNotFoundError):
        return "no token; set HF_TOKEN, or run `hf auth login`"
    words = _line(error) or type(error).__name__
    if isinstance(error, HfHubHTTPError):
        words = _status(error.response.status_code, _server(error))
    elif "xet-write-token" in words and "404" in words:
        words = f"{constants.ENDPOINT} takes no files by Xet; set HF_HUB_DISABLE_XET=1"
    elif isinstance(error, ConnectionError | http_error):
        words = f"{constants.ENDPOINT} cannot be reached: {words}"
    return words


def _server(error: BaseException) -> str:
    """What the server said, in brackets."""
    response = getattr(error, "response", None)
    header = response.headers.get("X-Error-Message") if response is not None else ""
    words = _line(header or getattr(error, "server_message", None) or "")
    return f" ({words})" if words else ""


def _status(status: int, server: str) -> str:
    match status:
        case 401:
            return f"the hub does not know this token{server}; expected another HF_TOKEN"
        case 403:
            return f"the token may not do that{server}; expected one that may write there"
        case 404:
            return f"no such repository, or none that the token may see{server}"
        case 409:
            return f"it is there already{server}; nothing was moved"
        case 412:
            return f"somebody else has committed meanwhile{server}; look, and run it again"
        case _ if status >= 500:
            return f"the hub answers {status}{server}; later, the same command goes on from here"
        case _:
            return f"the hub answers {status}{server}"


def _line(error: object) -> str:
    """What was said, in one line: the token is taken out before anything is cut off."""
    from huggingface_hub import get_token

    token = get_token()
    words = str(error).replace(token, "***") if token else str(error)
    return " ".join(words.split())[:_LONGEST]
