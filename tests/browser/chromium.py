"""Where Chromium comes from, and how it is started; a machine without one skips these tests, or fails where they must run.

They must run where ``CI`` or ``SEEKNAL_BROWSER=require`` is set. ``SEEKNAL_CHROMIUM`` names the program.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REMEDY = "install Chromium (Debian: apt-get install chromium fonts-dejavu-core; else: .venv/bin/playwright install chromium)"
REQUIRED = bool(os.environ.get("CI")) or os.environ.get("SEEKNAL_BROWSER") == "require"

if not REQUIRED:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'seeknal_nb[dev]'")

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright  # noqa: E402
from playwright.sync_api import TimeoutError as TooLate  # noqa: E402
from waiting import END  # noqa: E402

__all__ = ["REQUIRED", "ROOT", "SCREENSHOTS", "SECONDS", "Browser", "Page", "TooLate", "comes", "context", "expect", "launched"]

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
SECONDS = END / 3
"""What anything may take before it counts as hanging: Playwright must be told one, and its page is worth a picture then."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# No name is resolved: a page that asks for anything beyond this machine gets an error, and Lab.outside tells.
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip

expect.set_options(timeout=SECONDS * 1000)


@contextmanager
def launched() -> Iterator[Browser]:
    """A Chromium of its own. Playwright keeps an event loop running in this thread meanwhile, so ``asyncio.run`` fails."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_program(playwright), args=list(FLAGS), timeout=SECONDS * 1000
        )  # fmt: skip
        try:
            yield browser
        finally:
            browser.close()


def context(browser: Browser, **options: Any) -> BrowserContext:
    """A fresh profile, in which whatever is waited for may take its time."""
    made = browser.new_context(**options)
    made.set_default_timeout(SECONDS * 1000)
    return made


def comes(page: Page, true: Callable[[], object]) -> None:
    """Wait until what the page does has reached us: its events come by themselves, and only while Playwright is asked."""
    while not true():
        page.wait_for_timeout(10)


def _program(playwright: Playwright) -> str:
    named = os.environ.get("SEEKNAL_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None) or playwright.chromium.executable_path
    if shutil.which(found):
        return found
    reason = f"SEEKNAL_CHROMIUM={named} is no program" if named else f"there is no Chromium: {REMEDY}"
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
