"""What Ansible parses and compiles in each run, done before the fork.

A run reads the files as ever; where the text is the same, byte for byte, it takes what came of it
then. Each result is handed out once in a process, for it may be changed by whoever gets it.
"""

from __future__ import annotations

import marshal
import os
import re
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dxansible.engine.helper import begin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

__all__ = ["Beside", "remember"]

_KINDS = ("become", "cache", "callback", "connection", "inventory", "shell", "strategy", "vars")
"""Of plugins that Ansible reads the documentation of: it has their settings."""
_DOCUMENTATION = re.compile(
    r"^ *DOCUMENTATION = r?(?P<quotes>\"\"\"|''')(.*?)(?P=quotes)", re.MULTILINE | re.DOTALL
)
"""Text with a backslash comes out different, and is parsed again."""
_ROOT = Path(__file__).resolve().parents[2]
_OURS = [
    _ROOT / content / "playbooks/collections/ansible_collections/dxansible/fleet/plugins"
    for content in (".", "dxansible/_content")
]
"""Our collection, as it is in a checkout and as it is installed."""


class Beside:
    """What needs none of Ansible's modules: a process of its own does it while these are loaded."""

    def __init__(self) -> None:
        """Have it begin."""
        self._helper, self._found = begin(
            lambda file: marshal.dump((_compiled(), *_metadata()), file)
        )

    def offer(self) -> None:
        """Have runs find what came of it; what another version has otherwise is left as it is."""
        with self._found, suppress(EOFError, ValueError, ImportError, AttributeError):
            compiled, text, metadata = marshal.load(self._found)  # noqa: S302 - our own fork wrote it
            finder = import_module("ansible.utils.collection_loader._collection_finder")
            _offer_code(finder, compiled)
            _offer_metadata(finder, text, metadata)
        os.waitpid(self._helper, 0)


def _compiled() -> dict[tuple[str, bytes], CodeType]:
    """Our collection: Ansible keeps no bytecode of collections."""
    return {
        (str(path), source): compile(source, str(path), "exec", 0, dont_inherit=True)
        for place in _OURS
        for path in place.glob("*/*.py")
        for source in [path.read_bytes()]
    }


def _metadata() -> tuple[bytes, Any]:
    """Of ansible-core's plugins: the largest file that each run parses, and what is in it."""
    text = (_package() / "config" / "ansible_builtin_runtime.yml").read_bytes()
    module = import_module("ansible.utils.collection_loader._collection_meta")
    parse: Callable[[bytes, object], Any] = module._meta_yml_to_dict  # noqa: SLF001 - Ansible has no other door
    return text, parse(text, ("ansible.builtin", "runtime.yml"))


def _offer_code(finder: Any, compiled: dict[tuple[str, bytes], CodeType]) -> None:  # noqa: ANN401 - Ansible's own
    base = finder._AnsibleCollectionPkgLoaderBase  # noqa: SLF001 - Ansible has no other door
    ordinary: Callable[[Any, str], object] = base.get_code

    def get_code(loader: Any, name: str) -> object:  # noqa: ANN401 - Ansible's own
        if not loader._compiled_code:  # noqa: SLF001 - as Ansible does
            key = loader.get_filename(name), loader.get_source(name)
            loader._compiled_code = compiled.get(key)  # noqa: SLF001 - as above
        return ordinary(loader, name)

    base.get_code = get_code


def _offer_metadata(finder: Any, text: bytes, metadata: object) -> None:  # noqa: ANN401 - Ansible's own
    """Ansible's function invites implementations that keep it."""
    parse: Callable[[bytes, object], Any] = finder._meta_yml_to_dict  # noqa: SLF001 - see above
    parsed = {text: metadata}

    def parse_or_take(given: bytes, content_id: object) -> Any:  # noqa: ANN401 - Ansible's own
        return parsed.pop(given, None) or parse(given, content_id)

    vars(finder)["_meta_yml_to_dict"] = parse_or_take


def remember(callbacks: str) -> None:
    """Have runs find plugins' documentation; ``callbacks``: where ansible-runner's is.

    What another version of Ansible has in another way is left as it is.
    """
    with suppress(Exception):
        _documentation(callbacks)


def _package() -> Path:
    spec = find_spec("ansible")
    if spec is None or spec.origin is None:
        raise ImportError("there is no ansible")
    return Path(spec.origin).parent


def _documentation(callbacks: str) -> None:
    """Of plugins, and of the fragments that it is made of, which carry the plugin's path."""
    tags = import_module("ansible._internal._datatag._tags")
    modules = [import_module(f"ansible.{name}") for name in ("plugins.loader", "utils.plugin_docs")]
    loader = import_module("ansible.parsing.yaml.loader").AnsibleLoader
    ordinary: Callable[..., Any] = modules[0].yaml.load
    trusted = tags.TrustedAsTemplate()
    parsed: dict[tuple[str, str], list[Any]] = {}

    def parse(text: str, path: str) -> Any:  # noqa: ANN401 - YAML
        found = ordinary(tags.Origin(path=path).tag(trusted.tag(text)), Loader=loader)
        parsed.setdefault((text, path), []).append(found)
        return found

    for path in _plugins(callbacks):
        for text in _documentations(path):
            for name in _fragments(parse(text, str(path))):
                fragment = _package() / "plugins" / "doc_fragments" / f"{name}.py"
                for part in _documentations(fragment):
                    parse(part, str(path))

    def load_or_take(stream: Any, Loader: Any) -> Any:  # noqa: ANN401, N803 - as yaml has it
        origin = tags.Origin.get_tag(stream)
        if origin is not None and tags.TrustedAsTemplate.is_tagged_on(stream):
            kept = parsed.get((str(stream), origin.path))
            if kept and origin == tags.Origin(path=origin.path):
                return kept.pop()
        return ordinary(stream, Loader=Loader)

    for module in modules:
        vars(module)["yaml"] = SimpleNamespace(load=load_or_take)


def _plugins(callbacks: str) -> Iterator[Path]:
    for kind in _KINDS:
        yield from (_package() / "plugins" / kind).glob("*.py")
    for directory in filter(None, callbacks.split(":")):
        yield from Path(directory).glob("awx_display.py")  # the user's own might warn


def _documentations(path: Path) -> list[str]:
    try:
        return [text for _, text in _DOCUMENTATION.findall(path.read_text("utf-8"))]
    except (OSError, ValueError):
        return []


def _fragments(documentation: object) -> list[str]:
    if not isinstance(documentation, dict):
        return []
    names = documentation.get("extends_documentation_fragment") or []
    every = names.split(",") if isinstance(names, str) else names
    return [str(name).strip() for name in every]
