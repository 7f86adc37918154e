"""What is measured of phones and of who works on them: `android` and `android-cost`."""
