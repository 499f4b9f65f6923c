"""`uvote serve NAME`: one service, told by the environment, until SIGTERM.

The apps are found by name, so that this file imports none of them.
"""

import importlib
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from fastapi import FastAPI
from pydantic import ValidationError

from services.shared.app import run as run_app
from services.shared.settings import SERVICES, Settings


def read_settings(name: str, **given: Any) -> Settings:
    """The settings of a service from the environment, after what is given by name.

    Raises:
        ValidationError: when something is missing or wrong.
    """
    module = importlib.import_module(f"services.{name}.settings")
    settings: Settings = getattr(module, f"{name.title()}Settings")(**given)
    return settings


def create_app(settings: Settings) -> FastAPI:
    """The application of the service whose settings these are."""
    module = importlib.import_module(f"services.{settings.service}.app")
    app: FastAPI = module.create_app(settings)
    return app


def add_arguments(parser: ArgumentParser) -> None:
    """The service's name."""
    parser.add_argument("name", choices=SERVICES)


def run(args: Namespace) -> int:
    """Serves. Exit 2 when a setting is missing or wrong; its value is not repeated."""
    return serve(args.name)


def serve(name: str) -> int:
    """Serves one service until SIGTERM or SIGINT."""
    try:
        settings = read_settings(name)
    except ValidationError as error:
        for wrong in error.errors(include_input=False, include_url=False):
            variable = "UVOTE_" + "_".join(str(part) for part in wrong["loc"]).upper()
            print(f"uvote serve {name}: {variable}: {wrong['msg']}", file=sys.stderr)
        return 2
    run_app(create_app(settings), settings)
    return 0
