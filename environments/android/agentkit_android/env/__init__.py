"""`use = "android"`: a phone as an environment."""
