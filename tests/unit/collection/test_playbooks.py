"""Rules of the playbooks."""

from __future__ import annotations

from dxansible.settings import content_dir


def test_no_task_ends_hosts_since_each_that_has_ended_slows_down_all_others() -> None:
    playbooks = content_dir("playbooks")
    texts = {path: path.read_text() for path in playbooks.rglob("*.yml")}

    assert any("meta: end_role" in text for text in texts.values())
    assert not [path for path, text in texts.items() if "meta: end_host" in text]
