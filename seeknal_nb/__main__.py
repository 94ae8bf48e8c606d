"""``python -m seeknal_nb`` is the command line."""

from seeknal_nb.cli import main

raise SystemExit(main())
