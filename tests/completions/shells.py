"""Has each shell complete lines, and compares. Called by run.sh with the directory of the program, that of the scripts, and the
daemon's socket.

The program gives a daemon a moment only. On a busy machine that may be too short, so each line is asked for again until the
answer is right; only a fault takes as long as DEADLINE.
"""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

DEADLINE = 60
BIN, SCRIPTS, SOCKET = sys.argv[1:4]


def environment(home, socket=SOCKET):
    """What a shell needs, and nothing of whoever runs this."""
    values = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": home, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    if socket:
        values["USERSYNCD_SOCKET"] = socket
    return values


def run(command, env):
    ended = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
    assert ended.returncode == 0 and ended.stderr == "", f"{command}: {ended.returncode} {ended.stderr}"
    return ended.stdout


def bash(line, env):
    """What the function that the script registers offers."""
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""
        source {SCRIPTS}/usersyncd.bash || exit 1
        [[ $(complete -p usersyncd) == *'-F _clap_complete_usersyncd usersyncd' ]] || exit 1
        COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1} COMP_TYPE=63
        _clap_complete_usersyncd usersyncd '{words[-1]}' '{words[-2]}'
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return [(value, None) for value in run(["bash", "--norc", "--noprofile", "-c", script], env).splitlines()]


def fish(line, env):
    script = f"source {SCRIPTS}/usersyncd.fish; complete -C '{line}'"
    lines = run(["fish", "--no-config", "-c", script], env).splitlines()
    return [tuple((offer.split("\t") + [""])[:2]) for offer in lines]


class Terminal:
    """A shell that somebody types into."""

    def __init__(self, command, env):
        self.seen = ""
        self.child, self.file = pty.fork()
        if self.child == 0:
            os.execvpe(command[0], command, env)

    def type(self, text):
        os.write(self.file, text.encode())

    def shows(self, *patterns, within=DEADLINE):
        """Waits until each of these was shown since the last line was typed, and returns whether."""
        end = time.monotonic() + within
        while not all(re.search(pattern, self.seen) for pattern in patterns):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.file], [], [], left)[0]:
                return False
            try:
                shown = os.read(self.file, 65536).decode(errors="replace")
            except OSError:
                return False
            self.seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|[\x07\r]", "", shown)
        return True

    def line(self, text):
        """Types instead of what stands there."""
        self.seen = ""
        self.type("\x15" + text)

    def close(self):
        os.close(self.file)
        os.waitpid(self.child, 0)


def options_aside(offers):
    return [offer for offer in offers if not offer[0].startswith("-")]


def until_right(shell, line, expected, env):
    end = time.monotonic() + DEADLINE
    while True:
        offers = options_aside(shell(line, env))
        values = [value for value, _ in offers]
        told = [about for _, about in offers]
        right = values == [value for value, _ in expected]
        for about, (_, pattern) in zip(told, expected):
            right = right and (about is None or re.search(pattern, about) is not None)
        if right:
            return
        if time.monotonic() > end:
            sys.exit(f"{shell.__name__} offers {offers} for {line!r}, not {expected}")


CONNECTORS = [("acme", "^held$"), ("beta-europe", "^idle$")]
LINES = {
    "usersyncd ctl status ": CONNECTORS,
    "usersyncd ctl sync be": CONNECTORS[1:],
    "usersyncd ctl run ": [("2", "^acme, held, 20"), ("1", "^acme, success, 20")],
    "usersyncd ctl undo 1": [("1", "^acme, success")],
    "usersyncd ctl approve ": [("1", "^acme, leavers, [0-9]+ held, open$")],
    "usersyncd ctl apply ": [("change-4711", "^acme, [0-9]+ operations?, made 20")],
    "usersyncd ctl log-level tr": [("trace", "^Everything$")],
    "usersyncd ctl appr": [("approve", "^Let through")],
    "usersyncd completions z": [("zsh", "^Z shell$")],
}


def opened(name, command, prepare, env):
    terminal = Terminal(command, env)
    terminal.type(f"{prepare}; echo ready-$((1))\n")
    if not terminal.shows("ready-[0-9]+"):
        sys.exit(f"{name} did not start: {terminal.seen!r}")
    return terminal


def until_shown(name, terminal, line, *patterns):
    """Presses Tab until the daemon was quick enough."""
    end = time.monotonic() + DEADLINE
    while True:
        terminal.line(f"{line}\t")
        if terminal.shows(*patterns, within=5):
            return
        if time.monotonic() > end:
            sys.exit(f"{name} shows {terminal.seen!r} for {line!r}, not {patterns}")


with tempfile.TemporaryDirectory() as home:
    env = environment(home)
    for shell in (bash, fish):
        for line, expected in LINES.items():
            until_right(shell, line, expected, env)
        # The option on the line counts more than the environment.
        elsewhere = environment(home, "/nowhere/control.sock")
        until_right(shell, f"usersyncd ctl --socket {SOCKET} status ", CONNECTORS, elsewhere)
        until_right(shell, "usersyncd ctl approve ", [], elsewhere)
    # A package installs files, which zsh loads by their names when they are needed first; others write a line into .zshrc.
    fresh = f"autoload -Uz compinit; compinit -u -d {home}/dump"
    for name, command, prepare in [
        ("bash", ["bash", "--norc", "--noprofile", "-i"], f"source {SCRIPTS}/usersyncd.bash"),
        ("bash", ["bash", "--norc", "--noprofile", "-i"], "source <(usersyncd completions bash)"),
        ("zsh", ["zsh", "-f", "-i"], f"fpath=({SCRIPTS} $fpath); {fresh}"),
        ("zsh", ["zsh", "-f", "-i"], f"{fresh}; source <(usersyncd completions zsh)"),
    ]:
        terminal = opened(name, command, prepare, env)
        # What needs no daemon is there with the first Tab.
        terminal.line("usersyncd completi\t")
        if not terminal.shows("usersyncd completions "):
            sys.exit(f"{name} does not complete with the first Tab: {terminal.seen!r}")
        until_shown(name, terminal, "usersyncd ctl status be", "usersyncd ctl status beta-europe ")
        if name == "zsh":
            # With what is said about each.
            until_shown(name, terminal, "usersyncd ctl run ", "1 +-- acme, success", "2 +-- acme, held")
        terminal.close()
print("bash, zsh and fish complete connectors, runs, holds, kept plans, commands and words")
