"""`python -m streamflow.cli`: the same as the installed command."""

import sys

from streamflow.cli.main import main

sys.exit(main())
