"""`python -m gaia_core`."""

import sys

from gaia_core.cli import main

sys.exit(main())
