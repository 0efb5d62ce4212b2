"""Plays many seeds on all cores: ``python -m tests.simulation --seeds N``, see ``--help``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulation.reasons import ENOUGH, explained, reached_by, unexplained

sys.path.insert(0, str(Path(__file__).parents[2] / "playbooks" / "collections"))

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHUNK = 250
Failure = tuple[int, str, list[str]]
Chunk = tuple[str, int, int]


def _play(chunk: Chunk) -> tuple[Chunk, list[Failure], Counter[str]]:
    from tests.simulation.history import History  # noqa: PLC0415 - after the path is set
    from tests.simulation.judge import judge, verdict_of  # noqa: PLC0415 - as above
    from tests.simulation.judge_turns import judge_turns  # noqa: PLC0415 - as above
    from tests.simulation.plan import make_plan  # noqa: PLC0415 - as above
    from tests.simulation.shrink import failures_of  # noqa: PLC0415 - as above

    profile, first, last = chunk
    failures, verdicts = [], Counter[str]()
    for seed in range(first, last):
        plan = make_plan(seed, profile)
        if {"caller", "play"} & plan.keys():
            if found := failures_of(plan, verdicts):
                failures.append((seed, profile, found))
            continue
        try:
            history = History(plan).play()
            found = judge_turns(history) if "turns" in plan else judge(history)
        except Exception:  # noqa: BLE001 - a failure like any other
            found = failures_of(plan)
        else:
            for client in history.clients:
                verdicts[f"{client.plan['kind']} {verdict_of(client)}"] += 1
        if found:
            failures.append((seed, profile, found))
    return chunk, failures, verdicts


def _chunks(options: argparse.Namespace, profiles: Sequence[str]) -> list[Chunk]:
    each = -(-options.seeds // len(profiles))
    begin = options.first
    return [
        (profile, first, min(first + _CHUNK, begin + each))
        for first in range(begin, begin + each, _CHUNK)
        for profile in profiles
    ]


def _show(plan: dict[str, Any], failures: Sequence[str]) -> None:
    from tests.simulation.shrink import failures_of, shrink  # noqa: PLC0415 - as above

    short = shrink(plan)
    print(f"\nseed {plan['seed']} of {plan['profile']}, commit {_commit()}:")  # noqa: T201
    for failure in failures:
        print(f"  {failure}")  # noqa: T201
    print(f"shortest plan ({'; '.join(failures_of(short))}):\n{json.dumps(short)}")  # noqa: T201


def _commit() -> str:
    words = ["git", "describe", "--always", "--dirty"]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def _play_file(path: str) -> int:
    from tests.simulation.shrink import failures_of  # noqa: PLC0415 - as above

    failures = failures_of(json.loads(Path(path).read_text()))
    print("\n".join(failures) or "nothing is wrong")  # noqa: T201
    return 1 if failures else 0


def main() -> int:
    """Play, and say what was found."""
    from tests.simulation.plan import PROFILES, make_plan  # noqa: PLC0415 - as above

    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0, help="the first seed of each profile")
    parser.add_argument("--profile", choices=list(PROFILES), action="append")
    parser.add_argument("--plan", help="a file with a plan to play")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument(
        "--new", action="store_true", help="end with the first failure that is not known"
    )
    parser.add_argument("--verdicts", action="store_true", help="show how often each was told")
    parser.add_argument(
        "--reasons", action="store_true", help="each reason of docs/outcomes.md has to be told"
    )
    options = parser.parse_args()
    if options.plan:
        return _play_file(options.plan)
    from tests.simulation.shrink import kind_of, known_kinds  # noqa: PLC0415 - as above

    began = time.monotonic()
    failures: list[Failure] = []
    verdicts = Counter[str]()
    chunks = _chunks(options, options.profile or list(PROFILES))
    with multiprocessing.Pool(options.jobs) as pool:
        for _chunk, found, told in pool.imap_unordered(_play, chunks):
            failures += found
            verdicts += told
            for seed, profile, texts in found if options.new else ():
                if not {kind_of(text) for text in texts} <= known_kinds(profile):
                    print(f"seed {seed} of {profile}: {texts[0]}")  # noqa: T201
                    pool.terminate()
                    return 1
    seconds = time.monotonic() - began
    played = sum(last - first for _profile, first, last in chunks)
    shown = set[str]()
    for seed, profile, texts in sorted(failures):
        if kind_of(texts[0]) not in shown:
            shown.add(kind_of(texts[0]))
            _show(make_plan(seed, profile), texts)
    if options.verdicts:
        print(*(f"{count:9} {name}" for name, count in sorted(verdicts.items())), sep="\n")  # noqa: T201
    print(f"{played} histories in {seconds:.0f} s, {len(failures)} with a failure")  # noqa: T201
    enough = played >= ENOUGH and not options.profile
    wrong = options.reasons and _show_reasons(verdicts, enough=enough)
    return 1 if wrong or (failures and not options.new) else 0


def _show_reasons(verdicts: Counter[str], *, enough: bool) -> bool:
    """Show which reasons were not reached. Returns whether one should have been."""
    wrong = list(unexplained(reached_by(verdicts)))
    print("reasons that no history reaches:", *explained(), sep="\n  ")  # noqa: T201
    print("reasons otherwise:", *(wrong or ["each was reached"]), sep="\n  ")  # noqa: T201
    if wrong and not enough:
        print(f"too few histories to tell: {ENOUGH} of all profiles are enough")  # noqa: T201
    return bool(wrong) and enough


if __name__ == "__main__":
    sys.exit(main())
