"""Rules of the first inventory: what is taken for a VM, and the text that is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from dxansible.errors import UsageError
from dxansible.run.first_inventory import EXAMPLES, Vm, inventory_text, is_unedited

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "vm"),
    [
        ("vm1=ubuntu@192.0.2.10", ("vm1", "ubuntu", "192.0.2.10", 22)),
        ("a.b-c_d=feng@host.example.org:2222", ("a.b-c_d", "feng", "host.example.org", 2222)),
        ("x=me@corp.example@box", ("x", "me@corp.example", "box", 22)),
        ("x=me@2001:db8::1", ("x", "me", "2001:db8::1", 22)),
        ("x=me@[fe80::1%eth0]:65535", ("x", "me", "fe80::1%eth0", 65535)),
        ("x=me@[::1]", ("x", "me", "::1", 22)),
    ],
)
def test_a_vm_is_read_with_its_user_address_and_port(
    text: str, vm: tuple[str, str, str, int]
) -> None:
    found = Vm.parse(text)

    assert (found.name, found.user, found.address, found.port) == vm


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vm1", "'vm1' does not describe a VM; give NAME="),
        ("vm1=host", "does not describe a VM"),
        ("=a@b", "'' can't be the name of a VM; use letters"),
        ("all=a@b", "'all' can't be the name"),
        ("a b=a@b", "'a b' can't be the name"),
        ("a:b=a@b", "'a:b' can't be the name"),
        ("web[1:3]=a@b", "can't be the name"),
        ("-a=a@b", "can't be the name"),
        ("a=@b", "'' can't be a user"),
        ("a=-oX@b", "'-oX' can't be a user"),
        ("a=x y@b", "'x y' can't be a user"),
        ("a=x@", "'' can't be the address"),
        ("a=x@-oProxyCommand=id", "can't be the address"),
        ("a=x@b c", "can't be the address"),
        ("a=x@{{ y }}", "can't be the address"),
        ("a=x@300.1.1.1", "can't be the address"),
        ("a=x@1:2:3", "can't be the address"),
        ("a=x@fe80::1%$(id)", "can't be the address"),
        ("a=x@b\n", "can't be the address"),
        ("a=x@b:0", "0 can't be a port; give a number from 1"),
        ("a=x@b:65536", "can't be a port"),
        ("a=x@b:", "'' can't be a port"),
        ("a=x@b:ssh", "'ssh' can't be a port"),
        ("a=x@b:٣", "can't be a port"),
    ],
)
def test_what_can_be_no_vm_is_refused_with_what_to_give(text: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        Vm.parse(text)

    assert says in str(raised.value)


@pytest.mark.parametrize("name", ["vm1", "no", "Null", "1e3", "0x10", "12", "1_000", "a.b", "_"])
def test_yaml_reads_what_was_given(name: str) -> None:
    vms = [Vm(name=name, address="::1", user=name, port=2222), Vm.parse("b=c@192.0.2.1")]

    assert yaml.safe_load(inventory_text(vms)) == {
        "all": {
            "hosts": {
                name: {"ansible_host": "::1", "ansible_port": 2222, "ansible_user": name},
                "b": {"ansible_host": "192.0.2.1", "ansible_user": "c"},
            }
        }
    }


def test_the_example_has_two_vms_once_their_marks_are_taken_away(tmp_path: Path) -> None:
    text = inventory_text([])
    path = tmp_path / "hosts.yml"
    path.write_text(text)

    assert yaml.safe_load(text) == {"all": {"hosts": None}}
    assert is_unedited(path)
    edited = text.replace("    # ", "    ")
    assert yaml.safe_load(edited) == yaml.safe_load(inventory_text(EXAMPLES))
    assert not is_unedited(tmp_path / "gone.yml")
