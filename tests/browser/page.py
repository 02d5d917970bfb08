"""Opens the pages of two runs in a headless Chromium and uses them as a person would."""

import json
import sys
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from support import DEADLINE, Page, browser, check, equal, fail

SCRATCH, SHOTS = Path(sys.argv[1]), Path(sys.argv[2])


class RunPage(Page):
    """The page of a run."""

    def __init__(self, driver, name):
        super().__init__(driver, (SCRATCH / name).as_uri())

    def shown(self):
        """The numbers of the operations that are to be seen."""
        return self.run("[...document.querySelectorAll('#rows > li')].filter((row) => row.checkVisibility())"
                        ".map((row) => Number(row.dataset.n))")

    def until_count(self, wanted):
        """Waits until the page says how many operations it shows."""
        seen = None

        def said(_):
            nonlocal seen
            seen = self.one("#count").text
            return seen == wanted

        try:
            WebDriverWait(self.driver, DEADLINE, poll_frequency=0.05).until(said)
        except Exception:
            fail(f"the page says {seen!r} instead of {wanted!r}")


def report(run):
    return json.loads((SCRATCH / f"run-{run}.json").read_text())


def operations(run):
    """Position, result, kind and all text of each operation of a report, in small letters."""
    for number, each in enumerate(report(run)["operations"], start=1):
        yield number, each["result"], each["operation"]["kind"], json.dumps(each, ensure_ascii=False).lower()


def a_page_is_complete_and_alone(driver):
    page, data = RunPage(driver, "run-3.html"), report(3)
    equal(driver.title, "acme, run 3: held – usersyncd", "title")
    equal(page.one("h1 .badge").text, "held", "result")
    counts = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "td")] for row in page.all(".counts tbody tr")]
    columns = ["created", "updated", "unchanged", "disabled", "deleted", "failed", "filtered", "held"]
    wanted = [[data["counts"][kind][column] for column in columns] for kind in ["users", "groups", "memberships"]]
    equal([[int(cell.strip(" !")) for cell in row] for row in counts], wanted, "counts")

    check(data["holds"] and data["holds"][0]["names"], "the run held nobody, and was to hold leavers")
    equal(page.one(".hold pre").text.split("\n"), data["holds"][0]["names"], "who is held")
    equal(page.shown(), list(range(1, len(data["operations"]) + 1)), "operations")
    check(len(page.shown()) > 10, "too few operations to search")

    for chart in page.all("svg"):
        box = chart.rect
        check(box["width"] > 200 and box["height"] > 80, f"a chart has no room: {box}")
        marks = chart.find_elements(By.CSS_SELECTOR, "circle, path")
        equal([mark.get_attribute("class") or "" for mark in marks], ["", "bad", "warn"], "runs in a chart: the second failed, the third held")
        for mark in marks:
            at = mark.rect
            inside = box["x"] <= at["x"] <= box["x"] + box["width"] and box["y"] <= at["y"] <= box["y"] + box["height"]
            check(inside, f"a point stands outside of its chart: {at} {box}")
    equal(len(page.all("svg")), 2, "charts")
    check(page.run("getComputedStyle(document.querySelector('svg polyline')).fill") == "none", "the style is not in force")

    equal(page.complaints(), [], "the browser's console")
    equal(page.requests(), [page.address], "requests")
    page.shot(SHOTS / "light.png"), page.shot(SHOTS / "dark.png", "dark")
    check(page.run("matchMedia('(prefers-color-scheme: dark)').matches"), "the dark picture is not dark")
    check(page.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)", "dark is not dark")


def a_name_is_only_a_name(driver):
    page = RunPage(driver, "run-3.html")
    name = '</pre><script>document.title="taken"</script><img src=http://127.0.0.1:9/x onerror="document.title=1"> \\u{202e}eve'
    rows = [row for row in page.all("#rows > li") if name in row.text]
    equal(len(rows), 1, "operations that show the hostile name")
    check("update user eve@example.com" in rows[0].text, rows[0].text)
    equal(page.all("img"), [], "images")
    equal(len(page.all("script")), 1, "scripts")
    check("taken" not in driver.title, "a name was carried out")


def the_search_and_the_filters_combine(driver):
    page, known = RunPage(driver, "run-3.html"), list(operations(3))
    total = len(known)

    def expect(wanted, what):
        page.until_count(f"{len(wanted)} of {total} operations")
        equal(page.shown(), wanted, what)

    search, clear = page.one("#search"), page.one("#clear")
    check(not clear.is_enabled(), "there is nothing to clear")
    search.send_keys("EVE@Example")
    found = [number for number, _, _, text in known if "eve@example" in text]
    check(0 < len(found) < total, f"{len(found)} of {total} name Eve")
    expect(found, "search")
    search.clear()
    search.send_keys("update   example.com user")
    words = [number for number, _, _, text in known if all(word in text for word in ["update", "example.com", "user"])]
    expect(words, "search for several words in any order")
    search.clear()
    search.send_keys("nobody has this in a name")
    expect([], "search for what is not there")
    clear.click()
    expect(list(range(1, total + 1)), "clear")

    Select(page.one("#kind")).select_by_value("users")
    users = [number for number, _, kind, _ in known if kind.endswith("_user")]
    check(0 < len(users) < total, f"{len(users)} of {total} are about users")
    expect(users, "filter by kind of object")
    Select(page.one("#kind")).select_by_value("create_user")
    created = [number for number, _, kind, _ in known if kind == "create_user"]
    check(0 < len(created) < len(users), f"{len(created)} of {len(users)} create users")
    expect(created, "filter by kind of operation")
    one = report(3)["operations"][created[0] - 1]["operation"]["name"]
    search.send_keys(one)
    expect([number for number in created if one in known[number - 1][3]], "search in a filter")
    clear.click()
    family = report(3)["operations"][created[0] - 1]["operation"]["after"]["last_name"].upper()
    search.send_keys(family)
    named = [number for number, _, _, text in known if family.lower() in text]
    check(0 < len(named) < total, f"{len(named)} of {total} name {family}")
    expect(named, "search in other letters than those of the page")
    results = sorted({result for _, result, _, _ in known})
    options = [option.get_attribute("value") for option in Select(page.one("#result")).options]
    equal(options, ["", *results], "results to choose from")
    clear.click()
    for result in results:
        Select(page.one("#result")).select_by_value(result)
        expect([number for number, each, _, _ in known if each == result], f"result {result}")
    equal(page.complaints(), [], "the browser's console")


def without_scripts_all_is_there(driver):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page = RunPage(driver, "run-1.html")
        rows = [row for row in page.all("#rows > li") if row.is_displayed()]
        equal(len(rows), len(report(1)["operations"]), "operations without JavaScript")
        check(not page.one("#controls").is_displayed(), "a search that does nothing is shown")
        check(page.one("#rows > li:last-child").text, "the last operation is empty")
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    page = RunPage(driver, "run-1.html")
    check(page.one("#controls").is_displayed(), "with JavaScript the search is shown")


def it_fits_a_telephone(driver):
    page = RunPage(driver, "run-3.html")
    page.resize(400, 900)
    root = "document.documentElement"
    check(page.run(f"{root}.scrollWidth <= {root}.clientWidth"), "the page is wider than the window")
    for cell in page.all(".counts th, .counts td"):
        check(cell.rect["height"] < 50, f"a cell of the counts is broken into lines: {cell.text!r}")
    page.resize()


def what_gets_into_a_page_is_refused_by_its_policy(driver):
    """The other tests would see a script, a style or a request: here are some, and the policy stops them."""
    page = (SCRATCH / "run-3.html").read_text()
    smuggled = ('<script>document.title="taken"</script><p id="p" style="color: red" onclick="document.title=1">x</p>'
                '<img src="http://127.0.0.1:9/x"><script src="http://127.0.0.1:9/x.js"></script>')
    (SCRATCH / "smuggled.html").write_text(page.replace("<main>", "<main>" + smuggled))
    page = RunPage(driver, "smuggled.html")
    page.one("#p").click()
    equal(driver.title, "acme, run 3: held – usersyncd", "title")
    check(page.run("getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)", "a style came through")
    said = "\n".join(page.complaints())
    for directive in ["script-src", "style-src", "img-src", "default-src"]:
        check(directive in said, f"the browser did not complain about {directive}: {said}")
    # A file whose script was changed does not run it.
    changed = (SCRATCH / "run-3.html").read_text().replace('"use strict";', '"use strict"; document.title = "taken";')
    (SCRATCH / "changed.html").write_text(changed)
    page = RunPage(driver, "changed.html")
    check(driver.title != "taken" and page.complaints(), "a changed script ran")


def main():
    driver = browser()
    try:
        for test in [a_page_is_complete_and_alone, a_name_is_only_a_name, the_search_and_the_filters_combine,
                     without_scripts_all_is_there, it_fits_a_telephone, what_gets_into_a_page_is_refused_by_its_policy]:
            test(driver)
    finally:
        driver.quit()
    print(f"the page works in Chromium; pictures are in {SHOTS}")


main()
