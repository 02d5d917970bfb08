#!/usr/bin/env python3
"""Writes the licences of everything that is linked into the program into one text: packaging/notices.py FILE.

Most of these licences want their text and the names of the authors to go with the program. Which licences are allowed at all is
deny.toml's business.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap

LICENCE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)([-._].*)?$", re.IGNORECASE)
CARGO = os.environ.get("CARGO", "cargo")


def metadata():
    host = re.search(r"^host: (.+)$", subprocess.check_output(["rustc", "-vV"], text=True), re.MULTILINE)[1]
    command = [CARGO, "metadata", "--locked", "--format-version", "1", "--filter-platform", host]
    return json.loads(subprocess.check_output(command))


def linked(known):
    """The packages that end up in the program: no macros, nothing that only builds or tests."""
    packages = {package["id"]: package for package in known["packages"]}
    nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
    macros = {
        name for name, package in packages.items() if any("proc-macro" in target["kind"] for target in package["targets"])
    }
    root = known["resolve"]["root"]
    found, waiting = set(), [root]
    while waiting:
        package = waiting.pop()
        if package in found or package in macros:
            continue
        found.add(package)
        needed = nodes[package]["deps"]
        waiting += [dep["pkg"] for dep in needed if any(kind["kind"] is None for kind in dep["dep_kinds"])]
    found.remove(root)
    return sorted((packages[name] for name in found), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The licences in the package's own directory, and in those of C code that it brings."""
    directory = pathlib.Path(package["manifest_path"]).parent
    places = [directory, *(place for place in sorted(directory.iterdir()) if place.is_dir() and package["links"])]
    files = [file for place in places for file in sorted(place.iterdir()) if file.is_file() and LICENCE.match(file.name)]
    return [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]


def main(path):
    packages = linked(metadata())
    bearers, silent = {}, []
    lines = ["usersyncd is licensed under Apache-2.0. This is what is linked into it, and under which licences:", ""]
    for package in packages:
        name = f"{package['name']} {package['version']}"
        authors = ", ".join(re.sub(r" *<.*?>", "", author) for author in package["authors"])
        lines.append(f"  {name}: {package['license'] or 'see its text below'}{f' ({authors})' if authors else ''}")
        found = texts(package)
        if not found:
            silent.append(name)
        for text in found:
            # The same words with other line breaks are the same licence.
            bearers.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    for text, names in bearers.values():
        lines += ["", "=" * 100, "", *textwrap.wrap(f"Of {', '.join(names)}:", 100), "", text]
    if silent:
        lines += ["", "=" * 100, "", *textwrap.wrap(f"Without a text, under the licences named above: {', '.join(silent)}.", 100)]
    pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


main(sys.argv[1])
