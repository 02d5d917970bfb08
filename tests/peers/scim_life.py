"""Lets the real daemon keep a SCIM server that others wrote (scim2-server) equal to the Okta stand-in, through a whole life of users
and groups, and compares after each step.

Usage: scim_life.py USERSYNCD SANDBOX SCIM2_SERVER, the three programs. Ends with 0 if both sides agree after every step.
"""

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TOKEN = "s3cr3t"
STATUSES = {"ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY", "PROVISIONED"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, ready):
    """Waits until something answers; a program that never does is a failure."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError, urllib.error.URLError):
            if ready():
                return
        time.sleep(0.05)
    raise SystemExit(f"{what} did not answer within 60 seconds")


def get(url, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)


class House:
    """The org, the server and the daemon between them."""

    def __init__(self, usersyncd, sandbox, base, okta, directory):
        self.usersyncd, self.sandbox, self.base, self.okta = usersyncd, sandbox, base, okta
        self.socket = directory / "control.sock"

    def ctl(self, *arguments):
        command = [self.usersyncd, "ctl", "--socket", str(self.socket), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise SystemExit(f"{arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def change(self, change):
        command = [self.sandbox, "change", self.okta, json.dumps(change)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def listed(self, resource):
        records, start = [], 1
        while True:
            page = get(f"{self.base}/{resource}?startIndex={start}&count=100", TOKEN)
            records += page.get("Resources") or []
            start = len(records) + 1
            if len(records) >= page["totalResults"]:
                return records

    def compare(self, step):
        """Compares the server with the truth of the org; both sides as plain data."""
        truth = get(f"{self.okta}/sandbox/org")
        people = {user["id"]: user for user in truth["users"] if user["status"] in STATUSES}
        users = self.listed("Users")
        by_okta = {user["externalId"]: user for user in users}
        active = {user["externalId"] for user in users if user["active"]}
        self.equal(f"{step}: who can sign in", active, set(people))
        for id, person in people.items():
            user = by_okta[id]
            self.equal(f"{step}: the name of {id}", user["userName"], person["login"].lower())
        names = {user["id"]: user["externalId"] for user in users}
        groups = {}
        for group in self.listed("Groups"):
            members = {names[member["value"]] for member in group.get("members") or []}
            groups[group["displayName"]] = members & set(people)
        for group in truth["groups"]:
            if group["name"] == "Everyone":
                continue
            members = set(group["members"]) & set(people)
            self.equal(f"{step}: members of {group['name']}", groups.get(group["name"]), members)

    @staticmethod
    def equal(what, seen, true):
        if seen != true:
            raise SystemExit(f"{what}: {seen!r} instead of {true!r}")

    def sync(self, step, quiet=False):
        self.ctl("sync", "acme", "--wait")
        self.compare(step)
        report = json.loads(self.ctl("history", "acme", "--json"))["runs"][0]
        report = json.loads(self.ctl("run", str(report["run"]), "--json"))
        self.equal(f"{step}: the outcome", report["outcome"], "success")
        if quiet:
            self.equal(f"{step}: operations of a second run", report.get("operations", []), [])


def live(house):
    house.sync("first")
    house.sync("second", quiet=True)
    house.change({"seed": 7, "add": 3, "update": 5, "rename": 2})
    house.sync("users came, changed and were renamed")
    house.change({"seed": 8, "suspend": 2, "deactivate": 1, "delete": 1})
    house.sync("users left")
    house.change({"seed": 9, "unsuspend": 2, "move_members": 10, "rename_groups": 1})
    house.sync("users came back, members moved, a group was renamed")
    house.change({"group": "fresh group", "create_group": True})
    house.sync("a group came")
    house.sync("nothing changed", quiet=True)


def main(usersyncd, sandbox, scim2_server):
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context(open(directory / "log", "w"))

        def start(*command, **options):
            process = subprocess.Popen(command, stderr=log, **options)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        port = free_port()
        start(
            scim2_server, "--hostname", "127.0.0.1", "--port", str(port), "--bearer-token", TOKEN,
            stdout=subprocess.DEVNULL,
        )
        base = f"http://127.0.0.1:{port}/v2"
        wait_for("scim2-server", lambda: get(f"{base}/ServiceProviderConfig", TOKEN))
        org = start(
            sandbox, "okta", "--users", "60", "--groups", "6", "--memberships", "150", "--seed", "3",
            stdout=subprocess.PIPE, text=True,
        )
        line = org.stdout.readline().split()
        okta, token = line[3], line[4].removeprefix("token=")
        (directory / "okta-token").write_text(token)
        (directory / "scim-token").write_text(TOKEN)
        for name in ("okta-token", "scim-token"):
            (directory / name).chmod(0o600)
        (directory / "connectors.d").mkdir()
        (directory / "usersyncd.yaml").write_text(
            "state: state\ncontrol: { socket: control.sock, group: no-such-group-here }\n"
            "metrics: { listen: \"127.0.0.1:0\" }\n"
        )
        (directory / "connectors.d" / "acme.yaml").write_text(
            f"source: {{ okta: {{ url: \"{okta}\", auth: {{ api_token: {{ file: {directory}/okta-token }} }} }} }}\n"
            f"target: {{ scim: {{ url: \"{base}\", token: {{ file: {directory}/scim-token }} }} }}\n"
            "leavers: { memberships: remove }\nlimits: { memberships: off, leavers: off }\n"
        )
        start(usersyncd, "run", "--config", str(directory / "usersyncd.yaml"), stdout=log)
        house = House(usersyncd, sandbox, base, okta, directory)
        wait_for("the daemon", lambda: house.socket.exists() and house.ctl("list"))
        live(house)
        print("scim2-server holds what the org says, after every step")


if __name__ == "__main__":
    main(*sys.argv[1:])
