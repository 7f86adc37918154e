"""The root command: global options, and commands that are imported when they are called.

The root is plain click, because it must know its commands without importing them; each command is a
typer app, imported when it is called.
"""

from __future__ import annotations

import importlib
from typing import Any, cast

import click
import typer

from agentkit.cli.context import Globals
from agentkit.host import Host

# name: (module:attribute, help). The attribute is a typer.Typer, or one function.
COMMANDS = {
    "run": ("agentkit.cli.run:run", "give an agent a task and watch it work"),
    "chat": ("agentkit.cli.chat:chat", "talk with a model or an agent"),
    "serve": ("agentkit.cli.serve:serve", "models as an OpenAI-compatible API"),
    "console": ("agentkit.cli.console:console", "watch, steer and answer agents in the browser"),
    "watch": ("agentkit.cli.watch.command:watch", "watch, steer and answer agents in the terminal"),
    "models": ("agentkit.cli.models:app", "list, get, look at and ask models"),
    "runs": ("agentkit.cli.runs:app", "list, follow, steer, resume, fork and export runs"),
    "plugins": ("agentkit.cli.plugins:plugins", "what is installed, and what is wrong with it"),
    "new-plugin": (
        "agentkit.cli.new_plugin:new_plugin",
        "write a plugin to start from, with tests",
    ),
    "train": ("agentkit.cli.train:app", "train a checkpoint from data with a declared trainer"),
    "analyze": ("agentkit.cli.analyze:app", "look into a model or runs with a declared analyzer"),
    "bench": ("agentkit.cli.bench:app", "run an experiment; results with their spread"),
    "doctor": ("agentkit.cli.doctor:doctor", "check this machine, plugins and settings"),
    "config": ("agentkit.cli.config:app", "explain and check settings"),
    "init": ("agentkit.cli.init:init", "write an agentkit.toml to start from"),
}


COMPLETION = ("install_completion", "show_completion")  # typer's, for a program of its own


class Lazy(click.Group):
    """A group whose commands are known by name and help, and imported when one is called."""

    def __init__(self, commands: dict[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self._lazy = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        target, summary = self._lazy[cmd_name]
        module, _, attribute = target.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            app = typer.Typer()
            app.command(name=cmd_name, help=found.__doc__ or summary)(found)
            found = app
        command: Any = typer.main.get_command(found)
        command.name = cmd_name
        command.params = [p for p in command.params if p.name not in COMPLETION]
        return cast(click.Command, command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self._lazy:
            from agentkit.names import nearest

            ctx.fail(f"there is no command {name!r}{nearest(name, self._lazy)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self._lazy.items()])


def build() -> click.Group:
    """The root command with the host's and every plugin's commands."""
    host = Host.load()
    commands = dict(COMMANDS)
    for entry in host.registry.all("command"):
        commands.setdefault(entry.name, (entry.target, entry.summary))

    def root(config: str | None, option: tuple[str, ...], debug: bool) -> None:
        click.get_current_context().obj = Globals(config, option, debug, host)

    return Lazy(
        commands,
        name="agentkit",
        help="Agents whose model is routed, sharpened, instructed, given a memory, trained, "
        "audited and looked into, all by plugins.",
        epilog="agentkit COMMAND --help says more.",
        callback=root,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        params=[
            click.Option(["--config"], metavar="FILE", help="settings to use instead of the found"),
            click.Option(
                ["-o", "--option"],
                multiple=True,
                metavar="KEY=VALUE",
                help="models.small.dtype=bf16",
            ),
            click.Option(["--debug"], is_flag=True, help="show tracebacks"),
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_version,
                help="show the version",
            ),
        ],
    )


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from agentkit import __version__

        click.echo(f"agentkit {__version__}")
        ctx.exit()
