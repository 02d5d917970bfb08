"""Lets schemathesis try the control socket by its own description (/v1/openapi.json): what the real daemon answers to requests that are as
described, and to such as are not.

Usage: socket_api.py USERSYNCD SANDBOX SCHEMATHESIS, the three programs. Ends with 0 if schemathesis finds nothing.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading

from scim_life import get, wait_for

HERE = pathlib.Path(__file__).parent
SEED = 7


class Forwarder(socketserver.ThreadingTCPServer):
    """A TCP port of the loopback interface that leads to the Unix socket, for a program that knows TCP only."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path):
        self.path = str(path)
        super().__init__(("127.0.0.1", 0), Forwarded)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Forwarded(socketserver.BaseRequestHandler):
    """One connection: bytes in both directions, until either side ends it."""

    def handle(self):
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(self.server.path)
            threading.Thread(target=self.pump, args=(self.request, daemon), daemon=True).start()
            self.pump(daemon, self.request)

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def configure(directory, okta, token):
    """A connector that works, one whose file is broken, and the daemon's own file."""
    secret = directory / "okta-token"
    secret.write_text(token)
    secret.chmod(0o600)
    connectors = directory / "connectors.d"
    connectors.mkdir()
    source = f"source: {{ okta: {{ url: \"{okta}\", auth: {{ api_token: {{ file: {secret} }} }} }} }}\n"
    (connectors / "acme.yaml").write_text(f"{source}limits: {{ floor: 3 }}\nschedule: {{ cron: \"0 3 1 1 *\" }}\n")
    (connectors / "broken.yaml").write_text(f"{source}leavers: {{ users: forget }}\n")
    (directory / "usersyncd.yaml").write_text(
        "state: state\ncontrol: { socket: control.sock, group: no-such-group-here }\nmetrics: { listen: off }\n"
    )


def live(ctl, change):
    """Something of everything: runs, findings, a hold, a kept plan, an undone run."""
    ctl("sync", "acme", "--wait")
    change({"seed": 3, "add": 4, "rename": 2, "move_members": 3})
    ctl("sync", "acme", "--wait")
    ctl("undo", "2", "--yes")
    ctl("resume", "acme")
    change({"seed": 4, "suspend": 30, "delete": 2})
    ctl("sync", "acme", "--wait", code=5)
    ctl("plan", "acme", "--out", "review", code=5)


def schemathesis(program, directory, url, *options, **variables):
    """One run of schemathesis, which is to find nothing wrong with any operation."""
    command = [
        program, "--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/v1/openapi.json", "--url", url,
        "--seed", str(SEED), "--generation-database", "none", "--no-color", *options,
    ]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "socket_hooks", **variables}
    # It leaves files where it runs.
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise SystemExit(f"schemathesis ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    # All there are, but for the description itself, which it leaves out.
    operations = sum(len(methods) for methods in get(f"{url}/v1/openapi.json")["paths"].values()) - 1
    tested = re.search(r"Tested: (\d+)", done.stdout)
    if not tested or int(tested[1]) != operations:
        raise SystemExit(f"schemathesis did not try all of {operations} operations\n{done.stdout}")


def main(usersyncd, sandbox, program):
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context(open(directory / "log", "w"))

        def start(*command, **options):
            process = subprocess.Popen(command, stderr=log, **options)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        org = start(
            sandbox, "okta", "--users", "60", "--groups", "6", "--memberships", "150", "--seed", "3",
            stdout=subprocess.PIPE, text=True,
        )
        line = org.stdout.readline().split()
        okta, token = line[3], line[4].removeprefix("token=")
        configure(directory, okta, token)
        daemon = start(usersyncd, "run", "--config", str(directory / "usersyncd.yaml"), stdout=log)
        path = directory / "control.sock"

        def ctl(*arguments, code=0):
            command = [usersyncd, "ctl", "--socket", str(path), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if done.returncode != code:
                raise SystemExit(f"{arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
            return done.stdout

        def change(change):
            subprocess.run([sandbox, "change", okta, json.dumps(change)], check=True, capture_output=True, timeout=60)

        wait_for("the daemon", lambda: path.exists() and ctl("list"))
        live(ctl, change)
        forwarder = stack.enter_context(Forwarder(path))
        url = forwarder.url()
        try:
            # Names and numbers of nothing, then those of what is there.
            schemathesis(program, directory, url, "--max-examples", "10")
            known = {"name": "acme", "run": 2, "hold": 1, "id": "review"}
            known["group"] = get(f"{url}/v1/directory/groups")["groups"][0]["name"]
            known["login"] = get(f"{url}/v1/directory/users")["users"][0]["username"]
            schemathesis(
                program, directory, url, "--max-examples", "15", "--phases", "fuzzing", USERSYNCD_KNOWN=json.dumps(known),
            )
        except SystemExit:
            shutil.copyfileobj(open(directory / "log"), sys.stderr)
            raise
        if daemon.poll() is not None:
            raise SystemExit(f"the daemon ended with {daemon.returncode}")
        print("schemathesis finds nothing wrong with the control socket")


if __name__ == "__main__":
    main(*sys.argv[1:])
