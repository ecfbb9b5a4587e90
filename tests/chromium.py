"""A real browser, told what to do over the DevTools protocol."""

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SECONDS = 30
_QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")


def binary() -> str:
    """Where the browser is; a test that needs it skips without."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        pytest.skip(f"no browser on this machine: none of {', '.join(_NAMES)} is on the PATH")
    return found


@contextmanager
def browser(folder: Path) -> Iterator["Tab"]:
    """A tab of a browser of its own, which ends with the block."""
    command = [binary(), *_QUIET, "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    with (folder / "log.txt").open("w") as log:
        child = subprocess.Popen(command, stderr=log, start_new_session=True)
    try:
        with asyncio.Runner() as runner:
            tab = Tab(runner)
            try:
                runner.run(tab.open(folder))
                yield tab
            finally:
                runner.run(tab.close())
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


class Tab:
    """One page. `events` holds what the browser said unasked, since the page was opened."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner, self._numbers = runner, count(1)
        self.events: list[dict[str, Any]] = []

    async def open(self, folder: Path) -> None:
        async with asyncio.timeout(_SECONDS):
            while not (port := re.search(r"ws://([\d.:]+)/", (folder / "log.txt").read_text())):
                await asyncio.sleep(0.05)
            self._session = aiohttp.ClientSession()
            async with self._session.put(f"http://{port[1]}/json/new?about:blank") as reply:
                address = (await reply.json())["webSocketDebuggerUrl"]
            self._socket = await self._session.ws_connect(address, max_msg_size=0)
            for domain in ("Page", "Runtime", "Log", "Network"):
                await self._send(f"{domain}.enable")

    async def close(self) -> None:
        if hasattr(self, "_session"):
            await self._session.close()

    async def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(_SECONDS):
            while True:
                message = json.loads(await self._socket.receive_str())
                if message.get("id") == number:
                    assert "error" not in message, message["error"]
                    return message["result"]
                self.events.append(message)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        return self._runner.run(self._send(method, **parameters))

    def visit(self, address: str) -> None:
        """Open a page and wait until it is loaded."""
        self.events.clear()
        self.send("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of a script in the page; a promise is waited for."""
        said = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait for a condition in the page."""
        script = f"""new Promise((done, fail) => {{
            const end = performance.now() + {1000 * _SECONDS - 5000};
            const look = () => {{
                if ({condition}) done(true);
                else if (performance.now() > end) fail(new Error("waited in vain"));
                else setTimeout(look, 10); }};
            look(); }})"""
        self.run(script)

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element."""
        place = self.run(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{ block: "center" }});
            const box = element.getBoundingClientRect();
            return {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }}; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def type(self, selector: str, text: str) -> None:
        """Put text where a person would type it, in place of what is there."""
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.send("Input.insertText", text=text)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select, as a person's choice is told to the page."""
        self.run(f"""(() => {{
            const select = document.querySelector({json.dumps(selector)});
            select.value = {json.dumps(value)};
            if (select.selectedIndex < 0) throw new Error("no such option");
            select.dispatchEvent(new Event("input", {{ bubbles: true }}));
            select.dispatchEvent(new Event("change", {{ bubbles: true }})); }})()""")

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Have a screen of this size, by day or by night."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path | None = None, *, whole: bool = False) -> bytes:
        """The page as a PNG: what is on the screen, or all of it."""
        said = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        picture = base64.b64decode(said["data"])
        if path:
            path.write_bytes(picture)
        return picture
