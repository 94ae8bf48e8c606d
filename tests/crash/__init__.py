"""Blows that a run must survive: killed at any point, refused by the disk, its files flipped, started several times at once.

``python -m crash --long`` deals them by the hundred; ``tests/workflow/test_crash.py`` is the short form. Each blow falls on the
command itself, in a process that ``nest`` forks from one which has imported everything, because to start one costs half a second.
"""
