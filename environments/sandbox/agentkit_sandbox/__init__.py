"""A sandbox for programs that a model wrote, made with bubblewrap.

`bubblewrap` is the part; `command` says what bwrap is asked for, `watch` looks at what rlimits do
not bound, `folder` carries files in and out.
"""
