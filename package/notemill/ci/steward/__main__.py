"""`python -m notemill.ci.steward`."""

import sys

from notemill.ci.steward.main import main

if __name__ == "__main__":
    sys.exit(main())
