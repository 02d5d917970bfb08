#!/usr/bin/env python3
"""Holds rules, dashboard and runbook to what a Prometheus has scraped.

    check.py seen ADDRESS            waits until Prometheus has scraped the daemon
    check.py alert ADDRESS NAME      waits until that alert is pending or fires
    check.py all ADDRESS METRICS     checks everything; METRICS is a file with a scrape
"""

import itertools
import json
import math
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "packaging/monitoring"
RUNBOOK = "file:///usr/share/doc/usersyncd/operations.md"
# What the scenario of run.sh must set off, at least until somebody has looked: (alert, connector).
EXPECTED = {
    ("UsersyncdHeld", "acme"),
    ("UsersyncdSyncFailed", "locked"),
    ("UsersyncdSyncPartial", "shop"),
    ("UsersyncdCredentialRefused", "locked"),
    ("UsersyncdConfigurationError", "broken"),
    ("UsersyncdConfigurationErrorLasting", "broken"),
}
NAME = re.compile(r"\b(?:usersyncd|process)_[a-z_]+\b")
SELECTOR = re.compile(r"\b(?:usersyncd|process)_[a-z_]+(?:\{[^}]*\})?")

problems = []


def expect(condition, problem):
    if not condition:
        problems.append(problem)


class Prometheus:
    def __init__(self, address):
        self.base = f"http://{address}/api/v1/"

    def get(self, path, **parameters):
        """The data of an answer, or the reason why there is none."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.base}{path}?{query}", timeout=20) as answer:
                return json.load(answer)["data"], None
        except urllib.error.HTTPError as error:
            return None, json.load(error).get("error", str(error))
        except OSError as error:
            return None, str(error)

    def wait_for(self, query, what):
        """Waits until a query has a result, for 30 seconds at most."""
        deadline = time.monotonic() + 30
        while True:
            data, why = self.get("query", query=query)
            if data and data["result"]:
                return
            if time.monotonic() > deadline:
                sys.exit(f"check.py: {what} did not come within 30 s: {query}: {why}")
            time.sleep(0.2)


def in_words(query):
    return " ".join(query.split())


def has_a_number(result):
    """Whether any sample is more than a gap: a quantile of nothing is NaN."""
    samples = (series.get("values") or [series["value"]] for series in result)
    return any(not math.isnan(float(value)) for _, value in itertools.chain.from_iterable(samples))


def check_layout(dashboard):
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    expect(len(set(ids)) == len(ids), "two panels have one id")
    expect(dashboard["uid"] and dashboard["title"] and dashboard["schemaVersion"] >= 39, "the dashboard has no uid or title")
    taken = {}
    for panel in panels:
        title, place = panel["title"], panel["gridPos"]
        expect(place["x"] >= 0 and place["x"] + place["w"] <= 24 and place["h"] > 0, f"{title} is beside the grid")
        for cell in itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])):
            expect(cell not in taken, f"{title} lies over {taken.get(cell)}")
            taken[cell] = title
        if panel["type"] == "row":
            continue
        expect(panel["description"], f"{title} has no description")
        expect(panel["fieldConfig"]["defaults"]["unit"], f"{title} has no unit")
        refs = [target["refId"] for target in panel["targets"]]
        expect(refs and len(set(refs)) == len(refs), f"{title} has no query, or two of one name")
        for used in [panel, *panel["targets"]]:
            expect(used["datasource"]["uid"] == "${datasource}", f"{title} does not ask the data source that is chosen")


def filled_in(query, job, connector):
    """What Grafana would ask, with all connectors chosen or some."""
    for name, value in {"job": job, "connector": connector, "__rate_interval": "1m", "__interval": "5s", "__range": "10m"}.items():
        query = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", value, query)
    return query


def check_variables(prometheus, dashboard):
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    expect(variables["datasource"]["type"] == "datasource", "the data source is no variable")
    for name in ("job", "connector"):
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variables[name]["query"]["query"])
        selector, label = found.groups()
        match = filled_in(selector, "usersyncd", ".*")
        values, why = prometheus.get(f"label/{label}/values", **{"match[]": match})
        expect(values, f"the variable {name} has no values: {match}: {why}")
        expect(name != "connector" or {"acme", "shop", "locked"} <= set(values or []), f"connectors are missing: {values}")
    constant = variables["runbook"]["query"]
    expect(constant == RUNBOOK, f"the dashboard's runbook is {constant}")
    return constant


def check_queries(prometheus, dashboard, start):
    """Every query, as a panel asks it: over the time of the test, or now. None fails, and none is empty."""
    asked = 0
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            for connector in (".*", "acme|shop"):
                query = filled_in(target["expr"], "usersyncd", connector)
                expect("$" not in query, f"{panel['title']}: a variable is left in {in_words(query)}")
                if target["instant"]:
                    data, why = prometheus.get("query", query=query)
                else:
                    data, why = prometheus.get("query_range", query=query, start=start, end=time.time(), step="1s")
                where = f"{panel['title']}, {target['refId']}: {in_words(query)}"
                if data is None:
                    expect(False, f"{where}: {why}")
                else:
                    expect(data["result"] and has_a_number(data["result"]), f"{where}: nothing")
                asked += 1
    return asked


def check_rules(prometheus):
    data, why = prometheus.get("rules")
    if data is None:
        sys.exit(f"check.py: Prometheus does not show its rules: {why}")
    rules = [rule for group in data["groups"] for rule in group["rules"]]
    for rule in rules:
        name = rule["name"]
        expect(rule["health"] == "ok", f"{name} is {rule['health']}: {rule.get('lastError')}")
        expect(rule["labels"].get("severity") in ("critical", "warning", "info"), f"{name} has no severity")
        for selector in set(SELECTOR.findall(rule["query"])):
            found, why = prometheus.get("query", query=f"count({selector})")
            expect(found and found["result"], f"{name}: no series for {selector}: {why or ''}")
        for alert in rule["alerts"]:
            for key, text in alert["annotations"].items():
                expect("error expanding" not in text and "<no value>" not in text, f"{name}: {key} is {text}")
    set_off = {(rule["name"], alert["labels"].get("connector", "")) for rule in rules for alert in rule["alerts"]}
    expect(EXPECTED <= set_off, f"not set off: {sorted(EXPECTED - set_off)}, only {sorted(set_off)}")
    return rules


def check_runbook(rules, dashboard):
    """An alert has a section of its own, and a section its alert; links lead there."""
    text = (ROOT / "docs/operations.md").read_text()
    section = re.search(r"^## Alerts\n(.*?)(?=^## )", text, re.S | re.M)
    sections = re.findall(r"^### (\w+)$", section.group(1) if section else "", re.M)
    names = [rule["name"] for rule in rules]
    expect(sorted(sections) == sorted(names), f"sections without an alert, or the other way: {set(sections) ^ set(names)}")
    anchors = {name.lower() for name in sections}
    tests = (FILES / "usersyncd.rules.test.yml").read_text()
    for rule in rules:
        annotations = rule["annotations"]
        expect({"summary", "description", "runbook_url"} <= set(annotations), f"{rule['name']} does not say enough")
        link = annotations.get("runbook_url")
        expect(link == f"{RUNBOOK}#{rule['name'].lower()}", f"{rule['name']} leads to {link}")
        expect(f'alertname="{rule["name"]}"' in tests, f"{rule['name']} fires in no unit test")
    for panel in dashboard["panels"]:
        for link in panel.get("links", []):
            base, _, anchor = link["url"].partition("#")
            expect(base == "${runbook}" and anchor in anchors, f"{panel['title']} leads to {link['url']}")


def check_names(texts, scrape):
    shown = {re.split(r"[{ ]", line)[0] for line in scrape.splitlines() if line and not line.startswith("#")}
    used = set(itertools.chain.from_iterable(NAME.findall(text) for text in texts))
    expect(used <= shown, f"the daemon does not show {sorted(used - shown)}")
    return used


def check_all(prometheus, scrape):
    dashboard = json.loads((FILES / "usersyncd.dashboard.json").read_text())
    # All that happened is scraped and judged: the last thing was a broken file.
    prometheus.wait_for('ALERTS{alertname="UsersyncdConfigurationError", connector="broken"}', "the last of the scenario")
    # A broken connector file has one alert, and ends that on the rest of the configuration.
    prometheus.wait_for('absent(ALERTS{alertname="UsersyncdConfigurationRejected"})', "the end of the alert on usersyncd.yaml")
    check_layout(dashboard)
    check_variables(prometheus, dashboard)
    asked = check_queries(prometheus, dashboard, time.time() - 600)
    rules = check_rules(prometheus)
    check_runbook(rules, dashboard)
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    used = check_names(queries + [rule["query"] for rule in rules], scrape)
    if problems:
        sys.exit("\n".join(f"check.py: {problem}" for problem in dict.fromkeys(problems)))
    print(f"{len(rules)} rules, {asked} queries of {len(dashboard['panels'])} panels, {len(used)} metrics")


def main():
    match sys.argv[1:]:
        case ["seen", address]:
            Prometheus(address).wait_for("usersyncd_build_info", "the first scrape")
        case ["alert", address, name]:
            Prometheus(address).wait_for(f'ALERTS{{alertname="{name}"}}', f"the alert {name}")
        case ["all", address, metrics]:
            check_all(Prometheus(address), pathlib.Path(metrics).read_text())
        case _:
            sys.exit(__doc__)


main()
