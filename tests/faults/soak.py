"""Chance faults against a running installation under a steady load, for as long as is asked for.

    python -m tests.faults.soak --minutes 30 --seed 1

Fails when anything acknowledged is not applied once, an invariant does not hold, or the memory of a
process grows. What was seen goes to `var/soak/results.json`. The same seed sets the same faults.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, Final

from msgspec import Struct, field, to_builtins

from shared.errors import Unavailable
from tests.faultproxy import FaultProxy, Way
from tests.faults import crowd, ground
from tests.faults.crowd import Crowd
from tests.faults.ground import resident_mb

RESULTS: Final = Path(__file__).resolve().parents[2] / "var" / "soak" / "results.json"
PER_SECOND: Final = 15.0
CALM_SECONDS: Final = (5.0, 30.0)
"""Between two faults."""
FAULT_SECONDS: Final = (1.0, 20.0)
SAMPLE_SECONDS: Final = 60.0
WARM_SECONDS: Final = 300.0
"""So long a process grows because it fills its pools and caches."""
LEAST_SAMPLES: Final = 10
"""Ten minutes of a warm process: of less it cannot be said how it grows in ten."""
MOST_GROWTH: Final = 0.02
"""Of its size, in ten minutes."""
MOST_MB: Final = 300.0


class Life(Struct):
    """The memory of one process from its start to its end."""

    name: str
    pid: int
    samples: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, megabytes."""

    @property
    def growth(self) -> float | None:
        """The part of its size by which it grows in ten minutes; None when it lived too short.

        The median over all pairs of samples (Theil and Sen): a process that leaks grows between
        any two, one that was large for a minute while something was away does not.
        """
        warm = [each for each in self.samples if each[0] - self.samples[0][0] >= WARM_SECONDS]
        if len(warm) < LEAST_SAMPLES:
            return None
        slope = median(
            (size - before) / (at - then) for (then, before), (at, size) in combinations(warm, 2)
        )
        return 600.0 * slope / median(size - slope * (at - warm[0][0]) for at, size in warm)


class Soak:
    """One run."""

    def __init__(self, running: Crowd, seed: int) -> None:
        self._crowd = running
        self._chance = random.Random(seed)  # noqa: S311 - the same at every run
        self._began = time.monotonic()
        self._sampled_at = -SAMPLE_SECONDS
        self.lives: dict[int, Life] = {}
        self.faults: list[tuple[float, str]] = []
        self.ended: list[str] = []
        """What ended by itself, and its last words."""

    def run(self, seconds: float) -> None:
        """Fault after fault, each healed before the next."""
        while self._now < seconds:
            self._wait(self._chance.uniform(*CALM_SECONDS), seconds)
            name, fault = self._chance.choice(list(self._faults().items()))
            self.faults.append((round(self._now, 1), name))
            sys.stdout.write(f"{self._now:7.0f} s  {name}\n")
            sys.stdout.flush()
            fault()
            self._wait(self._chance.uniform(*FAULT_SECONDS), seconds)
            self._heal()

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    def _wait(self, seconds: float, at_most: float) -> None:
        """Wait, and take samples when they are due."""
        ends_at = min(self._now + seconds, at_most)
        while self._now < ends_at:
            if self._now - self._sampled_at >= SAMPLE_SECONDS:
                self._sampled_at = self._now
                self._sample()
            time.sleep(min(1.0, max(0.0, ends_at - self._now)))

    def _sample(self) -> None:
        for name, process in self._crowd.processes.items():
            if process.code is None:
                life = self.lives.setdefault(process.pid, Life(name, process.pid))
                life.samples.append((round(self._now, 1), round(resident_mb(process.pid), 1)))

    def _heal(self) -> None:
        for process in self._crowd.processes.values():
            process.send(signal.SIGCONT)
        self._crowd.site.ground.heal()
        self.ended += self._crowd.mend()

    def _faults(self) -> Mapping[str, Callable[[], None]]:
        """What may be done, by name. Points and the API live on: their memory is watched."""
        site, processes = self._crowd.site, self._crowd.processes
        mortal = [name for name in crowd.NAMES if name not in {"points", crowd.API}]
        victim, anyone = self._chance.choice(mortal), self._chance.choice(crowd.NAMES)
        found: dict[str, Callable[[], None]] = {
            f"kill {victim}": lambda: self._crowd.kill(victim),
            f"stop {anyone}": lambda: processes[anyone].send(signal.SIGSTOP),
            "kill the broker": site.ground.broker.kill,
            "stop the broker": site.ground.broker.stop,
            "crash the database": site.ground.server.crash,
        }
        way = self._chance.choice([Way.BOTH, Way.UP, Way.DOWN])
        for name, proxy in (("log", site.ground.kafka), ("database", site.ground.postgres)):
            found |= _of(name, proxy, way)
        return found


def _of(name: str, proxy: FaultProxy, way: Way) -> Mapping[str, Callable[[], None]]:
    """Faults of the way to a server."""
    return {
        f"reset the way to the {name}": proxy.reset,
        f"silence the way to the {name}": lambda: proxy.silence(way),
        f"half-open connections to the {name}": proxy.vanish,
        f"nobody listens for the {name}": proxy.refuse,
        f"jitter on the way to the {name}": lambda: proxy.delay(0.01, jitter=0.1),
    }


def judged(lives: Sequence[Life]) -> list[str]:
    """Processes that grow, or are too large."""
    found = []
    for life in lives:
        growth, most = life.growth, max((size for _, size in life.samples), default=0.0)
        if growth is not None and growth > MOST_GROWTH:
            found.append(f"{life.name} ({life.pid}) grows by {growth:.1%} in ten minutes")
        if most > MOST_MB:
            found.append(f"{life.name} ({life.pid}) has {most:.0f} MB")
    return found


def soak(minutes: float, seed: int) -> dict[str, Any]:
    """Run, and what came of it."""
    wrong = []
    with ExitStack() as stack:
        found = stack.enter_context(ground.found())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="shuke-soak-"))
        site = stack.enter_context(found.site(Path(folder), found.programme))
        running = stack.enter_context(crowd.running(site, **site.past_kafka, **site.past_postgres))
        run, orders = Soak(running, seed), int(minutes * 60 * PER_SECOND) + 1_000
        load = stack.enter_context(running.telling(orders, PER_SECOND))
        run.run(60 * minutes)
        acknowledged = load.enough()
        try:
            running.right(acknowledged)
        except (AssertionError, Unavailable) as error:
            wrong.append(str(error) or "not every acknowledged order was applied once")
    lives = sorted(run.lives.values(), key=lambda life: (life.name, life.pid))
    return {
        "minutes": minutes,
        "seed": seed,
        "acknowledged": len(acknowledged),
        "tries_not_acknowledged": load.failures,
        "faults": run.faults,
        "ended_by_themselves": run.ended,
        "lives": [to_builtins(life) | {"growth": life.growth} for life in lives],
        "wrong": wrong + judged(lives),
    }


def main() -> None:
    """Run, print the verdict, keep the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    results = soak(told.minutes, told.seed)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1), encoding="utf-8")
    sys.stdout.write(
        f"{results['acknowledged']} orders acknowledged, {len(results['faults'])} faults; "
        f"{'; '.join(results['wrong']) or 'nothing wrong'}. See {RESULTS}\n"
    )
    sys.exit(bool(results["wrong"]))


if __name__ == "__main__":
    main()
