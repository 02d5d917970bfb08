"""Opens the status page of a daemon in a headless Chromium and reads it as a person on call would."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from selenium.webdriver.common.by import By

from support import Page, browser, check, equal

SCRATCH, SHOTS, ADDRESS, SETTING = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]


def known(name):
    return json.loads((SCRATCH / f"{name}.json").read_text())


def fetch(path=""):
    """Status and text of an answer."""
    try:
        with urllib.request.urlopen(ADDRESS + path, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def names():
    """All people and groups that a name of could be shown, and what else must not be."""
    people = {user["username"] for user in known("users")["users"]}
    groups = {group["name"] for group in known("groups")["groups"]}
    check(len(people) > 100 and len(groups) > 5, f"{len(people)} users and {len(groups)} groups are too few to look for")
    held = {name for hold in known("holds")["holds"] for name in hold["names"]}
    check(held, "nobody is held")
    return people | groups | held | {"@example.com", "canary", str(SCRATCH)}


def no_names_are_shown():
    for path in ["", "connectors/acme", "connectors/broken", "connectors/staff"]:
        status, html = fetch(path)
        equal(status, 200, path)
        found = sorted(name for name in names() if name in html)
        equal(found, [], f"names at /{path}")


def names_are_shown():
    _, html = fetch()
    for hold in known("holds")["holds"]:
        check(hold["names"][0] in html, f"{hold['names'][0]} is not on the full page")
    check("canary@example.com" in html, "the broken file is not quoted")


def all_is_there(driver, page):
    connectors = known("list")["connectors"]
    rows = {row.find_element(By.CSS_SELECTOR, "th").text: row.text for row in page.all(".overview tbody tr")}
    equal(sorted(rows), sorted(one["name"] for one in connectors), "connectors in the table")
    for one in connectors:
        check(one["state"] in rows[one["name"]], f"{one['name']} is {one['state']}: {rows[one['name']]}")
    equal({one["name"]: one["state"] for one in connectors},
          {"acme": "held", "broken": "config_error", "cloud": "failing", "new": "idle", "resting": "paused", "staff": "idle"},
          "states")
    summary = page.one(".summary").text
    equal(summary, "6 connectors, 1 paused. 3 need attention:", "summary")
    equal(driver.title, "3 need attention – usersyncd", "title")

    for hold in known("holds")["holds"]:
        box = page.one(f"#hold-{hold['id']}").text
        commands = [f"hold {hold['id']}", f"approve {hold['id']} --wait", f"discard {hold['id']}"]
        for wanted in [f"{hold['count']} of {hold['base']}", f"limit\n{hold['allowed']}", f"run {hold['first_run']}",
                       *(f"usersyncd ctl {command}" for command in commands)]:
            check(wanted in box, f"hold {hold['id']} does not say {wanted!r}: {box}")

    staff = page.one("#c-staff").text
    kinds = {}
    for finding in known("staff")["findings"]:
        kinds[finding["kind"]] = kinds.get(finding["kind"], 0) + 1
    check(kinds, "the last run has no findings")
    for kind, count in kinds.items():
        check(f"{kind} {count} " in staff, f"{kind} {count} is not in {staff}")


def charts_have_their_runs(page):
    for name in ["acme", "staff"]:
        runs = [run for run in known(f"history-{name}")["runs"] if run["ended"]]
        section = page.one(f"#c-{name}")
        users, durations = section.find_elements(By.CSS_SELECTOR, "svg")
        marks = users.find_elements(By.CSS_SELECTOR, "circle, path")
        equal(len(marks), len(runs), f"points of {name}")
        equal(len(durations.find_elements(By.CSS_SELECTOR, "rect")), len(runs), f"bars of {name}")
        outcomes = {"failed": "bad", "cancelled": "bad", "held": "warn", "partial": "warn", "success": ""}
        equal([mark.get_attribute("class") or "" for mark in marks], [outcomes[run["outcome"]] for run in reversed(runs)],
              f"marks of {name}")
        for chart in [users, durations]:
            box = chart.rect
            check(box["width"] > 200 and box["height"] > 80, f"a chart has no room: {box}")
            for mark in chart.find_elements(By.CSS_SELECTOR, "circle, path, rect"):
                at = mark.rect
                across = box["x"] <= at["x"] and at["x"] + at["width"] <= box["x"] + box["width"]
                down = box["y"] <= at["y"] and at["y"] + at["height"] <= box["y"] + box["height"]
                check(across and down, f"a point stands outside of its chart: {at} {box}")
        rows = section.find_elements(By.CSS_SELECTOR, ".runs tbody tr")
        equal(len(rows), min(len(runs), 10), f"rows of {name}")
    check(page.run("getComputedStyle(document.querySelector('svg polyline')).fill") == "none", "the style is not in force")
    equal(len(page.one("#c-new").find_elements(By.CSS_SELECTOR, "svg")), 0, "charts of what never ran")


def links_lead_somewhere(driver, page):
    for link in page.all(".overview a, .wanting a, .hold a"):
        target = link.get_attribute("href")
        check(target.startswith(ADDRESS + "#c-"), f"{target} is not on this page")
        page.one("#" + target.split("#")[1])
    alone = Page(driver, ADDRESS + "connectors/acme")
    equal([section.get_attribute("id") for section in alone.all("section.connector")], ["c-acme"], "a page of its own")
    alone.one("h1 a").click()
    equal(driver.current_url, ADDRESS, "the way back")
    page.one("footer a").click()
    equal(driver.current_url, ADDRESS + "?refresh=off", "the page that stays")
    equal(page.all("meta[http-equiv=refresh]"), [], "what renews it")


CONTRAST = """(() => {
  const channel = (value) => (value /= 255) <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const parse = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !element.checkVisibility() || ["title", "desc"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(parse(element.closest("svg") ? style.fill : style.color)), light(ground(element))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor.push(`${element.tagName}.${element.className.baseVal ?? element.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
})()"""


def it_can_be_read_in_the_light_in_the_dark_and_on_paper(page):
    for scheme, ground in [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 26)")]:
        page.shot(SHOTS / f"status-{SETTING}-{scheme}.png", scheme)
        equal(page.run("getComputedStyle(document.body).backgroundColor"), ground, f"ground in the {scheme}")
        equal(page.run(CONTRAST), [], f"text with too little contrast (WCAG 2.1, 1.4.3) in the {scheme}")
    page.shot(SHOTS / f"status-{SETTING}-narrow.png", "light", 360)
    page.media("dark", "print")
    equal(page.run("getComputedStyle(document.body).color"), "rgb(0, 0, 0)", "ink on paper")
    page.media()


def it_fits_a_telephone(page):
    root = "document.documentElement"
    for width in [360, 700]:
        page.resize(width, 800)
        check(page.run(f"{root}.scrollWidth <= {root}.clientWidth"), f"the page is wider than {width} pixels")
        for box in page.all(".overview tbody tr"):
            check(box.rect["height"] < 160, f"a row is broken into many lines at {width}: {box.text!r}")
    page.resize()


def it_is_said_what_everything_is(page):
    for table in page.all("table"):
        check(table.find_elements(By.CSS_SELECTOR, "caption"), "a table has no caption")
        check(table.find_elements(By.CSS_SELECTOR, "th[scope=row]"), "a table has no names of rows")
    ids = page.run("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    equal(len(ids), len(set(ids)), "ids that are there twice")
    for chart in page.all("svg"):
        check(chart.accessible_name.strip(), "a chart has no name")
    levels = page.run("[...document.querySelectorAll('h1, h2, h3')].map((title) => Number(title.tagName[1]))")
    check(levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:])), f"headings {levels}")


def without_scripts_all_is_there(driver):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page = Page(driver, ADDRESS)
        equal(len(page.all(".overview tbody tr")), 6, "connectors without JavaScript")
        check(page.one("#c-acme svg polyline").is_displayed(), "a chart is not to be seen")
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    equal(page.all("script"), [], "scripts")


def main():
    if SETTING == "off":
        for path in ["", "connectors/acme"]:
            status, text = fetch(path)
            check(status == 404 and "the status page is off" in text, f"{status} {text}")
        equal(fetch("metrics")[0], 200, "the metrics without a page")
        return
    driver = browser()
    try:
        page = Page(driver, ADDRESS)
        equal(page.complaints(), [], "the browser's console")
        equal(page.requests(), [ADDRESS], "requests")
        all_is_there(driver, page)
        charts_have_their_runs(page)
        it_is_said_what_everything_is(page)
        it_can_be_read_in_the_light_in_the_dark_and_on_paper(page)
        it_fits_a_telephone(page)
        if SETTING == "on":
            no_names_are_shown()
            links_lead_somewhere(driver, page)
            without_scripts_all_is_there(driver)
        else:
            names_are_shown()
    finally:
        driver.quit()


main()
