"""The servers that automation clients put on a phone: uiautomator2's and Appium's.

They run inside the simulated phone, are reached through adb as on a real one, and know the screen
by the tree that `uiautomator dump` writes.
"""
