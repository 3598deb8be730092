"""From proposals to curated rows: one category at a time, decided by a person in a browser or at a prompt.

`decisions.Session` is the whole of it; `server` and `tui` only show it. Nothing here is imported by anything but the command line.
"""
