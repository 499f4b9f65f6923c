"""Runs `uvote demo` in a terminal as a newcomer does: reads on, opens every address that it prints, presses Ctrl-C.

Prints what happened as JSON. A program of its own, so that it can run in a network of its own.
"""

import json
import os
import pty
import re
import sys
import urllib.request

WAITING = b"Ctrl-C ends everything"
CTRL_C = b"\x03"


def read_on(terminal: int, seen: bytes, until: bytes | None) -> bytes:
    """What the terminal shows, until these words come, or until the end."""
    while until is None or until not in seen:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the end of a terminal whose program has ended
            break
        if not piece:
            break
        seen += piece
    return seen


def open_page(address: str) -> str:
    with urllib.request.urlopen(address) as reply:  # noqa: S310  # http on this machine
        text: str = reply.read().decode()
        return text


def main(*command: str) -> None:
    program, terminal = pty.fork()
    if program == 0:
        os.execvp(command[0], command)  # noqa: S606  # what we are told to run
    shown = read_on(terminal, b"", WAITING)
    pages = {address: open_page(address) for address in re.findall(r"http://localhost:[^\s]+", shown.decode())}
    os.write(terminal, CTRL_C)
    shown = read_on(terminal, shown, None)
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    print(json.dumps({"shown": shown.decode(), "pages": pages, "code": code}))  # noqa: T201  # its answer


main(*sys.argv[1:])
