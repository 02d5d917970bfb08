"""What the tests of pages have in common: a headless Chromium, and what it noted while a page was open."""

import json
import os
import shutil
import sys
from base64 import b64decode
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

# What only a fault takes that long, in seconds.
DEADLINE = 30


def browser():
    options = webdriver.ChromeOptions()
    # Nothing but the page itself is to be asked for, neither by it nor by the browser.
    for argument in ["--headless=new", "--disable-background-networking", "--disable-component-update", "--no-first-run",
                     "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=1280,900", "--disable-dev-shm-usage"]:
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


def fail(what):
    sys.exit(f"{Path(sys.argv[0]).name}: {what}")


def check(wanted, what):
    if not wanted:
        fail(what)


def equal(seen, wanted, what):
    check(seen == wanted, f"{what}: {seen!r} instead of {wanted!r}")


class Page:
    """A page that was opened, and what the browser noted meanwhile."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address
        driver.get_log("browser"), driver.get_log("performance")
        driver.get(self.address)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        found = self.all(selector)
        equal(len(found), 1, f"elements {selector}")
        return found[0]

    def run(self, script):
        return self.driver.execute_script("return " + script)

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """What was asked for, but for what stands in the page itself."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [message for message in messages if message["method"] == "Network.requestWillBeSent"]
        urls = [message["params"]["request"]["url"] for message in sent]
        return [url for url in urls if not url.startswith("data:")]

    def resize(self, width=None, height=None):
        """Gives the window this size, or its own."""
        if width is None:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
            return
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def media(self, scheme="light", kind=""):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})

    def shot(self, file, scheme="light", width=1280):
        self.media(scheme)
        # As high as the page: what is far away is not drawn. Its height is known for good once all of it was drawn.
        self.resize(width, 900)
        for _ in range(2):
            high = self.run("document.documentElement.scrollHeight")
            self.resize(width, high)
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {})
        self.resize()
        file.write_bytes(b64decode(shot["data"]))
