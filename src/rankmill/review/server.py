"""The review page on this machine alone: one secret address, one script, JSON in and out."""

import asyncio
import hmac
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.resources import files
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rankmill.errors import ConfigError, RankmillError, StorageError
from rankmill.review.journal import Verdict
from rankmill.review.session import NotNow, NotThere, Session

HOST = "127.0.0.1"
TOKEN = "X-Rankmill-Token"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FILES = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}
_BODY_BYTES, _SECONDS = 1 << 16, 30.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Judged(BaseModel):
    """What the page says of a list."""

    model_config = ConfigDict(extra="forbid", strict=True)
    qid: str
    verdict: Verdict | None
    note: Annotated[str, Field(max_length=2000)] = ""


class Graded(BaseModel):
    """What the page says of a document."""

    model_config = ConfigDict(extra="forbid", strict=True)
    qid: str
    docid: str
    grade: int | None


Said = TypeVar("Said", Judged, Graded)


class Site:
    """The routes of one session."""

    def __init__(self, session: Session, token: str) -> None:
        self._session, self._token = session, token

    def app(self) -> web.Application:
        """An application that is ready to be served."""
        app = web.Application(middlewares=[self._guard], client_max_size=_BODY_BYTES)
        app.on_response_prepare.append(_headed)
        for name in _FILES:
            app.router.add_get(f"/{{token}}/{name}", _file)
        app.router.add_get("/{token}/lists", self._lists)
        app.router.add_get("/{token}/list", self._list)
        app.router.add_get("/{token}/measures", self._measures)
        app.router.add_post("/{token}/verdict", self._verdict)
        app.router.add_post("/{token}/grade", self._grade)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who has the token and comes from this very page; say every fault in one line."""
        try:
            self._check(request)
            async with asyncio.timeout(_SECONDS):
                return await handler(request)
        except web.HTTPException as error:
            return _fault(error.status, error.text or error.reason)
        except TimeoutError:
            return _fault(408, f"the request took longer than {_SECONDS:.0f} s")
        except NotThere as error:
            return _fault(404, str(error))
        except NotNow as error:
            return _fault(422, str(error))
        except StorageError as error:
            return _fault(507, str(error))
        except RankmillError as error:
            return _fault(500, str(error))

    def _check(self, request: web.Request) -> None:
        """Refuse other hosts (DNS rebinding), other sites (CSRF) and whoever has no token."""
        hosts = _hosts(request)
        if request.host not in hosts:
            raise web.HTTPForbidden(text=f"expected the host {hosts[0]}, found {request.host}")
        self._check_token(request.match_info.get("token", ""))
        if request.method in {"GET", "HEAD"}:
            return
        self._check_token(request.headers.get(TOKEN, ""))
        if request.headers.get("Origin") not in {f"http://{host}" for host in hosts}:
            raise web.HTTPForbidden(text="expected a request from the review page itself")
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(
                text=f"expected application/json, found {request.content_type}"
            )

    def _check_token(self, found: str) -> None:
        if not hmac.compare_digest(found.encode(), self._token.encode()):
            raise web.HTTPForbidden(text="expected the address that rankmill review printed")

    async def _lists(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self._session.overview())

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response(self._session.detail(request.query.get("qid", "")))

    async def _measures(self, request: web.Request) -> web.Response:
        del request
        measures = self._session.measures()
        return web.json_response({**asdict(measures), "words": measures.words})

    async def _verdict(self, request: web.Request) -> web.Response:
        said = await _body(request, Judged)
        return web.json_response(self._session.judge(said.qid, said.verdict, said.note))

    async def _grade(self, request: web.Request) -> web.Response:
        said = await _body(request, Graded)
        return web.json_response(self._session.grade(said.qid, said.docid, said.grade))


async def _body(request: web.Request, kind: type[Said]) -> Said:
    try:
        return kind.model_validate_json(await request.read())
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the body"
        raise web.HTTPBadRequest(text=f"{where}: {fault['msg']}") from error


def _hosts(request: web.Request) -> tuple[str, str]:
    """What this server is called by a browser on its own machine."""
    transport = request.transport
    _, port = transport.get_extra_info("sockname") if transport else (HOST, 0)
    return f"{HOST}:{port}", f"localhost:{port}"


async def _headed(request: web.Request, response: web.StreamResponse) -> None:
    del request
    response.headers.update(HEADERS)


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _fault(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


async def _file(request: web.Request) -> web.Response:
    name, kind = _FILES[request.path.rpartition("/")[2]]
    body = files("rankmill.review").joinpath(name).read_bytes()
    return web.Response(body=body, content_type=kind, charset="utf-8")


def serve(session: Session, *, port: int, token: str, ready: Callable[[str], None]) -> None:
    """Serve a session on 127.0.0.1 until SIGINT or SIGTERM comes.

    Args:
        session: What is shown, and what may be decided.
        port: 0 takes any that is free.
        token: Part of the page's address; nobody without it is answered.
        ready: Told the address once the page is there.

    Raises:
        ConfigError: The port is taken, or may not be used.
    """
    asyncio.run(_serve(Site(session, token).app(), port, token, ready))


async def _serve(app: web.Application, port: int, token: str, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=75.0, shutdown_timeout=2.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            raise ConfigError(f"{HOST}:{port} cannot be used: {_why(error)}") from error
        address: Any = runner.addresses[0]
        ready(f"http://{HOST}:{address[1]}/{token}/")
        await stop.wait()
    finally:
        await runner.cleanup()
