"""The software's own versions: bundles, version folders side by side, and the switch from one to the next.

``versions``, ``bundle`` and ``building`` use Python's own library alone, because the installer runs them with the
OS's Python before anything else is there. A version is complete or it is not used; ``current`` never names another.
"""
