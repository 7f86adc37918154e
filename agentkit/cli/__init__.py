"""The command line. Starting it imports typer and plugin entry modules, nothing heavier."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Entry point of `agentkit`. Exits with the error class's code; tracebacks need --debug."""
    # Before torch is loaded: waiting threads sleep, so that a busy neighbour costs little.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # `kill` is Ctrl-C: what was started is ended, what is done is kept.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    debug = "--debug" in sys.argv
    try:
        from agentkit.cli.app import build

        build()(standalone_mode=False)
        code = 0
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except BaseException as error:
        code = _report(error, debug)
    sys.exit(code)


def _report(error: BaseException, debug: bool) -> int:
    import click
    import typer

    from agentkit.errors import AgentkitError, RunInterrupted

    if isinstance(error, typer.Exit | click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, AgentkitError):
        _say(error.message, error.hint)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | typer.Abort | click.exceptions.Abort | RunInterrupted):
        print("interrupted", file=sys.stderr)
        return 130
    if hasattr(error, "format_message"):  # click's usage errors, and those of typer's own copy
        if said := error.format_message():  # nothing where the help was shown instead
            _say(said, "see `agentkit --help`")
        return 2
    if isinstance(error, OSError):
        _say(str(error))
        return 1
    hint = "this is a fault in agentkit or a plugin; --debug shows where"
    _say(f"{type(error).__name__}: {error}", "" if debug else hint)
    return 1


def _say(message: str, hint: str = "") -> None:
    print(f"error: {message}" + (f"\n  {hint}" if hint else ""), file=sys.stderr)
