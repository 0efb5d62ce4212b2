"""Gives ansible-test a pip for its environments: ``python ansible_test_pip.py``.

ansible-test itself gets pip from a server of its own. It first looks for the script in its cache,
where this puts one that takes pip from Python and from the package index.
"""

from __future__ import annotations

import re
from pathlib import Path

import ansible_test

_BOOTSTRAP = """
import subprocess
import sys

wanted = [word for word in sys.argv[1:] if not word.startswith("--no-")]
for words in (["ensurepip"], ["pip", "install", *wanted]):
    subprocess.run([sys.executable, "-m", *words], check=True, stdout=subprocess.DEVNULL)
"""


def main() -> None:
    """Write the script for the pip that this ansible-test wants."""
    package = Path(ansible_test.__file__).parent
    text = (package / "_internal" / "python_requirements.py").read_text()
    cache = Path("~/.ansible/test/cache").expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"pip='([\d.]+)'", text):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(_BOOTSTRAP)


if __name__ == "__main__":
    main()
