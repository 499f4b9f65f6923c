"""The command `uvote`: a table of sub-commands, each in a module that is imported only when it is asked for."""

import importlib
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

# Each module has add_arguments(parser) and run(args) -> exit code.
COMMANDS = {
    "verify": ("services.uvote.verify", "check an election's archive"),
    "trustee": ("services.uvote.trustee", "make a trustee's key, or decrypt, without a browser"),
    "organiser": ("services.uvote.organiser", "add organisers, set passwords, change signing keys"),
    "demo": ("services.uvote.demo", "run a whole election on this machine"),
    "stack": ("services.uvote.stack", "run the observability servers on this machine"),
    "serve": ("services.uvote.serve", "run one service"),
    "migrate": ("services.uvote.migrate", "bring the database to the version of the code"),
    "openapi": ("services.uvote.openapi", "write down the services' interfaces, or compare them"),
}
WRONG_USAGE = 2


def usage() -> str:
    """One line for each command."""
    lines = (f"  {name:<10} {summary}" for name, (_, summary) in COMMANDS.items())
    return "\n".join(["usage: uvote COMMAND ...", "", *lines, "", "uvote COMMAND --help says more."])


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    if not arguments or arguments[0] not in COMMANDS:
        asked = bool(arguments) and arguments[0] in {"-h", "--help"}
        print(usage(), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else WRONG_USAGE
    module_name, summary = COMMANDS[arguments[0]]
    module = importlib.import_module(module_name)
    parser = ArgumentParser(prog=f"uvote {arguments[0]}", description=summary.capitalize() + ".")
    module.add_arguments(parser)
    code: int = module.run(parser.parse_args(arguments[1:]))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
