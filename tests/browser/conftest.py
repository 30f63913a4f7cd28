"""A real Chromium, if there is one; pages may reach no network."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PICTURES = Path(__file__).parents[2] / ".cache" / "browser"


@pytest.fixture(scope="session")
def browser():
    """Chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here (apt-get install chromium, or set CHROMIUM to its path)")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright isn't installed (pip install playwright)")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Opened:
    """A page, and what went wrong on it."""

    def __init__(self, page):
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", lambda line: self.problems.append(line.text) if line.type in ("error", "warning") else None)
        page.on("request", self._note_request)

    def _note_request(self, request):
        if not request.url.startswith(("file:", "data:")):
            self.problems.append(f"request: {request.url}")

    def settle(self):
        """Waits until the page has drawn what it means to draw."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def drawn(self):
        """The keys of all boxes and frames that are drawn."""
        self.settle()
        return set(self.page.evaluate("() => [...document.querySelectorAll('[data-key]')].map(e => e.dataset.key)"))

    def picture(self, name):
        """Keeps a screenshot."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.settle()
        self.page.screenshot(path=str(PICTURES / f"{name}.png"))


@pytest.fixture
def show(browser, tmp_path):
    """Opens the page of some models; afterwards, nothing may have gone wrong on it."""
    opened = []

    def open_page(text, dark=False, width=1280, height=860):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", offline=True
        )
        context.set_default_timeout(8000)
        shown = Opened(context.new_page())
        opened.append((context, shown))
        file = tmp_path / f"page{len(opened)}.html"
        file.write_text(text, encoding="utf-8")
        shown.page.goto(file.as_uri())
        shown.settle()
        return shown

    yield open_page
    for context, shown in opened:
        context.close()
        assert not shown.problems
