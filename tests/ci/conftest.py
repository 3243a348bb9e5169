"""What the tests of the server share: team.py is importable in them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
