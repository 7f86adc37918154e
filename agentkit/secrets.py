"""Secrets come from the environment or a keyring; settings only say from where."""

from __future__ import annotations

import os

from agentkit.errors import ConfigError


def resolve(reference: str) -> str:
    """Turns "env:NAME" or "keyring:service/user" into the secret.

    Raises:
        ConfigError: nothing is stored there, or a secret stands in the settings themselves.
    """
    kind, _, where = reference.partition(":")
    if kind == "env" and where:
        value = os.environ.get(where)
        if not value:
            raise ConfigError(f"the secret env:{where} is not set", f"export {where}=…")
        return value
    if kind == "keyring" and "/" in where:
        import keyring

        service, _, user = where.partition("/")
        value = keyring.get_password(service, user)
        if not value:
            raise ConfigError(
                f"the keyring holds nothing for {where}", f"keyring set {service} {user}"
            )
        return str(value)
    raise ConfigError(
        "a secret must be named, not written down",
        'write "env:NAME" or "keyring:service/user"',
    )
