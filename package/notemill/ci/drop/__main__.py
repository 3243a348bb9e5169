"""`python -m notemill.ci.drop`."""

import sys

from notemill.ci.drop.main import main

if __name__ == "__main__":
    sys.exit(main())
