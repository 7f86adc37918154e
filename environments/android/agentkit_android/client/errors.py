"""What goes wrong between an agent and a phone, one class for each thing to do about it."""

from __future__ import annotations

from agentkit.errors import BackendUnavailable


class DeviceError(BackendUnavailable):
    """Base: the phone did not do as it was asked."""


class DeviceAbsent(DeviceError):
    """adb knows no phone of that serial, or it does not answer any more."""


class DeviceUnauthorized(DeviceError):
    """The phone waits for somebody to allow this computer on its screen."""


class DeviceTimeout(DeviceError):
    """The phone did not answer in time."""


class ServerUnavailable(DeviceError):
    """There is no adb server, and none could be started."""


class CommandFailed(DeviceError):
    """A command ran on the phone and ended with another status than 0."""


class BadAnswer(DeviceError):
    """A screenshot that was cut short, or a tree that is empty, too large, or no XML."""
