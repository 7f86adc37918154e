"""From one description of a screen to pixels, to the tree that uiautomator dumps, and to what a tap
hits."""
