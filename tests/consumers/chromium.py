"""Headless Chromium, driven through its debugging pipe: no port, no driver program."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")

# A GPU in software: slower than any film, so that waiting shows.
GPU_FLAGS = (
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-features=Vulkan",
    # On a busy machine it takes one that is slow for one that hangs.
    "--disable-gpu-watchdog",
)


def find_chromium() -> str | None:
    """Where the browser is, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Chromium:
    """One page in a browser of its own; a context manager.

    Attributes:
        problems: What the page logged as an error or threw.
    """

    def __init__(self, program: str, profile: Path, *flags: str) -> None:
        self.problems: list[str] = []
        self._next_id = 0
        self._buffer = b""
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4, wherever ours happen to be.
        command = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--mute-audio",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            *flags,
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", command, program, *arguments, "about:blank"],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._session: str | None = None
        try:
            target = next(item for item in self.call("Target.getTargets")["targetInfos"] if item["type"] == "page")
            attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "DOM"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._write)
        os.close(self._read)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method: str, *, timeout: float = 60.0, **parameters: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol and return what it answers."""
        self._next_id += 1
        message = {"id": self._next_id, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._next_id:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def evaluate(self, expression: str, *, timeout: float = 60.0) -> Any:
        """Run JavaScript in the page; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, timeout=timeout
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, timeout: float = 120.0) -> Any:
        """Wait until a JavaScript expression is true; return its value."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if value := self.evaluate(expression):
                return value
            time.sleep(0.1)
        shown = self.evaluate("document.body.innerText")
        raise AssertionError(f"never true: {expression}\n{shown}\n{self.problems}")

    def wait_while_it_gets_on(self, expression: str, progress: str, *, patience: float = 60.0) -> None:
        """Wait until `expression` is true, however long that takes, as long as `progress` keeps changing."""
        seen, changed = None, time.monotonic()
        while not self.evaluate(expression):
            if (now := self.evaluate(progress)) != seen:
                seen, changed = now, time.monotonic()
            if time.monotonic() - changed > patience:
                shown = self.evaluate("document.body.innerText")
                raise AssertionError(f"stuck at {seen}, before {expression}\n{shown}\n{self.problems}")
            time.sleep(0.1)

    def open(self, address: str) -> None:
        """Go to an address, and wait for what it loads."""
        failure = self.call("Page.navigate", url=address).get("errorText")
        assert failure is None, failure
        self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'")

    def choose_file(self, selector: str, path: Path) -> None:
        """Give a file to an `<input type="file">`."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def drop_files(self, selector: str, *paths: Path) -> None:
        """Drag files from outside onto an element."""
        box = self.evaluate(f"JSON.stringify(document.querySelector('{selector}').getBoundingClientRect())")
        sides = json.loads(box)
        x, y = sides["x"] + sides["width"] / 2, sides["y"] + sides["height"] / 2
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def screenshot(self, path: Path) -> None:
        """Write what the page looks like as a PNG file."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            readable, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, "the browser does not answer"
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "the browser has gone"
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.problems.append(parameters["entry"]["text"] + " " + parameters["entry"].get("url", ""))
        elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.problems.append(
                " ".join(str(item.get("description", item.get("value"))) for item in parameters["args"])
            )
