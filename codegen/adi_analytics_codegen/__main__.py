"""``python -m adi_analytics_codegen`` is the command ``analytics-codegen``."""

import sys

from adi_analytics_codegen.cli.main import main

sys.exit(main())
