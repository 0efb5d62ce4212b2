"""How the benchmarks run what they measure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.timing import BenchError, alternate, run

if TYPE_CHECKING:
    from pathlib import Path


def test_programs_take_turns_and_their_first_does_not_count() -> None:
    order: list[str] = []

    def program(name: str) -> int:
        order.append(name)
        return len(order)

    found = alternate(2, {"a": lambda: program("a"), "b": lambda: program("b")})
    assert order == ["b", "a", "a", "b", "b", "a"]
    assert found == {"a": [3, 6], "b": [4, 5]}


def test_a_program_that_fails_is_not_timed(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="ended with 3: no luck"):
        run([sys.executable, "-c", "import sys; print('no luck'); sys.exit(3)"], {}, tmp_path)


def test_a_program_that_does_not_do_its_work_is_not_timed(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", "print('h1: hi')"], {}, tmp_path)
    assert done.saying("hi") is done
    with pytest.raises(BenchError, match="came 1 times, not 2"):
        done.saying("hi", 2)


def test_the_processor_s_time_has_that_of_children(tmp_path: Path) -> None:
    child = "import time\nwhile time.process_time() < 0.2: pass"
    text = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert run([sys.executable, "-c", text], {}, tmp_path).cpu >= 0.2
