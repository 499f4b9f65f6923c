"""`uvote organiser`: what the operator does in `auth`, over its routes, with the operator's caller key.

Passwords are asked for on the terminal or read from standard input, one line; they never stand among the arguments.
"""

import asyncio
import getpass
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping

from pydantic import ValidationError

from services.auth.client import AuthClient
from services.auth.contract import NewOrganiser, OperatorPassword
from services.shared.client import DependencyDown, Refused
from services.shared.identity import Caller, private_key

DEFAULT_URL = "http://127.0.0.1:5001"
KEY_VARIABLE = "UVOTE_OPERATOR_KEY"


class WrongUsage(Exception):
    """What the operator has to do differently."""


def add_arguments(parser: ArgumentParser) -> None:
    """One sub-command for each thing to be done."""
    parser.epilog = f"{KEY_VARIABLE}: the operator's private key, base64 of 32 bytes."
    parser.add_argument("--auth-url", default=os.environ.get("UVOTE_AUTH_URL", DEFAULT_URL), help="where auth listens")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make an account; the password is asked for, or read from standard input")
    add.add_argument("email")
    add.add_argument("name")
    password = actions.add_parser("password", help="set the password of somebody who cannot sign in")
    password.add_argument("email")
    actions.add_parser("keys", help="publish a new key that signs organisers' tokens")


def run(args: Namespace) -> int:
    """Exit 0 when done, 1 when refused, 2 for wrong usage."""
    try:
        print(asyncio.run(_act(args)))
    except WrongUsage as error:
        return _fail(str(error), 2)
    except ValidationError as error:
        return _fail("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors(include_input=False)), 2)
    except Refused as error:
        return _fail(error.detail, 1)
    except DependencyDown:
        return _fail(f"auth does not answer at {args.auth_url}.", 1)
    return 0


def _fail(sentence: str, code: int) -> int:
    print(f"uvote organiser: {sentence}", file=sys.stderr)
    return code


async def _act(args: Namespace) -> str:
    client = AuthClient(args.auth_url, caller=_operator())
    try:
        return await ACTIONS[args.action](client, args)
    finally:
        await client.close()


def _operator() -> Caller:
    try:
        return Caller("operator", private_key(os.environ[KEY_VARIABLE]))
    except (KeyError, ValueError):
        raise WrongUsage(f"Set {KEY_VARIABLE} to the operator's private key (base64 of 32 bytes).") from None


async def _add(client: AuthClient, args: Namespace) -> str:
    organiser = NewOrganiser(email=args.email, name=args.name, password=_ask_password())
    return f"added {(await client.add_organiser(organiser)).id}"


async def _password(client: AuthClient, args: Namespace) -> str:
    await client.set_password(OperatorPassword(email=args.email, new=_ask_password()))
    return "the password is set; all sessions of this organiser have ended"


async def _keys(client: AuthClient, _: Namespace) -> str:
    kids = [key.kid for key in (await client.rotate_keys()).keys]
    return f"published: {', '.join(kids)}"


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise WrongUsage("The two passwords differ.")
    return password


ACTIONS: Mapping[str, Callable[[AuthClient, Namespace], Awaitable[str]]] = {
    "add": _add,
    "password": _password,
    "keys": _keys,
}
