# SPDX-License-Identifier: GPL-3.0-or-later
# Jobs that fail, one of each kind.
queue '
  {"label": "import/orders", "command": ["python3", "-c", "raise SystemExit(\"no table orders\")"]},
  {"label": "sum/2025", "command": ["python3", "-c", "import time; much = bytearray(200 << 20); time.sleep(60)"]},
  {"label": "crawl/all", "timeout": 1, "command": ["sleep", "60"]},
  {"label": "export/all", "command": ["exporter", "--all"]},
  {"label": "clean/raw", "command": ["false"]},
  {"label": "merge/all", "command": ["true"], "after": ["clean/raw"]}'
is merge/all dependencyfailed
