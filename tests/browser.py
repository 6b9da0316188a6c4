"""Chromium without a window, for tests of pages; absent on many machines, which `BROWSER` tells."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
).split()
PATIENCE = 120  # seconds that a page may take to come to an end

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
SELENIUM = importlib.util.find_spec("selenium") is not None
BROWSER = CHROMIUM is not None and DRIVER is not None and SELENIUM
WHY_NOT = "needs chromium, chromedriver and selenium"


@contextmanager
def chromium(width: int = 1280, height: int = 900, *flags: str) -> Iterator[Any]:
    """A browser of its own, without a profile and without the network's proxies."""
    from selenium import webdriver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}", *flags):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))
        try:
            driver.set_page_load_timeout(PATIENCE)
            driver.set_script_timeout(PATIENCE)
            yield driver
        finally:
            driver.quit()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder with a web package, served by the script that it holds."""
    command = [sys.executable, str(folder / "serve.py"), "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[0]
        finally:
            server.terminate()


def opened(page: Any, address: str, patience: float = PATIENCE) -> dict[str, Any]:
    """Opens a web package's page and waits for its self-test; what it found, and how it ended as ``state``."""
    from selenium.webdriver.support.ui import WebDriverWait

    page.get(address)
    ended = WebDriverWait(page, patience).until(
        lambda _: (
            (state := page.execute_script("return document.documentElement.dataset.selftest")) != "running" and state
        )
    )
    found = page.execute_script("return window.selftest ?? {}")
    problem = page.execute_script("return document.getElementById('problem').textContent")
    return {**found, "state": ended, "problem": problem}
