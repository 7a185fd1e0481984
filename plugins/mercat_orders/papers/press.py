"""Printing a paper as PDF: a script, run as a process of its own.

It reads what is to be printed as JSON, and writes one line, `{"lacking": …}`, and the PDF. What
strangers wrote reaches Typst as data, never as markup, and a template finds no file but its
neighbours. Printed is PDF/A-2u (ISO 19005-2), for archives, where the fonts have every character.
"""

import json
import os
import resource
import signal
import sys
from typing import Any

import typst

_LARGEST_FILE = 100_000_000


def main() -> None:
    wanted: dict[str, Any] = json.load(sys.stdin)
    _bound(wanted["memory"], wanted["seconds"])
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=wanted["fonts"]
    )
    try:
        pdf, lacking = _printed(wanted, fonts, ["a-2u"]), False
    except typst.TypstError:
        pdf, lacking = _printed(wanted, fonts, []), True
    sys.stdout.buffer.write(json.dumps({"lacking": lacking}).encode() + b"\n" + pdf)


def _printed(wanted: dict[str, Any], fonts: typst.Fonts, standards: list[Any]) -> bytes:
    return typst.compile(
        wanted["template"],
        root=wanted["root"],
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs={"paper": json.dumps(wanted["paper"])},
        pdf_standards=standards,
        timestamp=wanted["timestamp"],
    )


def _bound(memory: int, seconds: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    signal.alarm(seconds)  # whoever started this may be gone
    os.nice(5)


if __name__ == "__main__":
    main()
