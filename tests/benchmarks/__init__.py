"""What seeknal_nb costs beyond the work itself: every number stands beside a floor that ran next to it.

``python -m tests.benchmarks`` measures all of it.
"""
