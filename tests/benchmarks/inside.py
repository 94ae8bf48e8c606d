"""What a measured process does about itself; imports next to nothing, since all of it is measured."""

import json
import sys


def serve(functions):
    """The other end of ``measure.child``: call the function that the command line names, and tell what it gives."""
    told = functions[sys.argv[1]](**json.loads(sys.argv[2]))
    sys.stdout.write(json.dumps(told or {}) + "\n")


def peak():
    """Peak resident memory of this process in MB: not ``ru_maxrss``, which a child inherits from whoever started it."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM:"))
    except FileNotFoundError:  # macOS, where it counts in bytes
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
