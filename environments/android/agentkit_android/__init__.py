"""A phone as an environment, and a simulated one behind the real adb protocol.

from agentkit_android.device.server import DeviceServer
from agentkit_android.phone.phone import Phone

async with DeviceServer(Phone()) as server:
    print("adb connect", server.serial)
"""
