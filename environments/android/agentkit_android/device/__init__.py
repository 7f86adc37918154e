"""The device's side of adb's transport protocol."""
