"""A process with one contender in it, which does as it is told: one line of JSON in, one out.

python -m onward.tools.bench.worker < commands
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onward.errors import OnwardError
from onward.tools.bench import memory
from onward.tools.bench.contenders import Contender, Loaded, imports, load
from onward.tools.bench.noise import settled

BLOCK = 0.03  # seconds: how long a turn's calls take together, where one call takes less


class Worker:
    """What the commands do; each returns what goes into its answer."""

    loaded: Loaded
    call: Callable[[], Any]

    def draw(self, file: str, seed: int, batch: int | None, sizes: dict[str, int], to: str) -> dict[str, Any]:
        """Draws inputs for a model and writes them."""
        from onward.tools import inputs
        from onward.tools.bench.exchange import write
        from onward.tools.session import opened

        session = opened(file)
        firsts = inputs.batches(session)
        if batch is not None and firsts:
            sizes = {**dict.fromkeys(firsts, batch), **sizes}
        arrays = inputs.draw(session, seed, sizes)
        write(to, arrays)
        return {"batched": bool(firsts), "inputs": {name: list(array.shape) for name, array in arrays.items()}}

    def load(self, contender: dict[str, Any]) -> dict[str, Any]:
        """Loads the contender."""
        one = Contender(**contender)
        imports(one)
        before, start = memory.resident(), time.perf_counter()
        self.loaded = load(one)
        seconds = time.perf_counter() - start
        self.before = before
        loaded = self.loaded
        return {"load_ms": 1000 * seconds, "engine": loaded.engine, "notes": loaded.notes, "code": loaded.code}

    def prepare(self, inputs: str, answers: str) -> dict[str, Any]:
        """Reads inputs, runs once, and writes the answers."""
        from onward.tools.bench.exchange import read, write

        self.arrays = read(inputs)
        start = time.perf_counter()
        found = self.loaded.answers(self.arrays)
        first = time.perf_counter() - start
        write(answers, found)
        self.call = self.loaded.prepare(self.arrays)
        return {"first_ms": 1000 * first}

    def settle(self, seconds: float) -> dict[str, Any]:
        """Runs until times are steady, or for so many seconds; says how many calls make a turn."""
        medians: list[float] = []
        calls, end = 0, time.perf_counter() + seconds
        count = 1
        while not settled(medians) and (len(medians) < 3 or time.perf_counter() < end):
            times = sorted(self._timed(count))
            calls += count
            medians.append(times[len(times) // 2])
            count = max(1, min(1000, int(BLOCK / medians[-1])))
        return {"calls": calls, "steady": settled(medians), "turn": count, "ms": 1000 * medians[-1]}

    def turn(self, calls: int, prime: bool) -> dict[str, Any]:
        """Times so many calls; `prime` makes one before that brings back what others have driven from the caches."""
        if prime:
            self.call()
        return {"ms": [1000 * seconds for seconds in self._timed(calls)]}

    def crowd(self, clients: int, seconds: float) -> dict[str, Any]:
        """Lets so many threads call at once for so many seconds; how many calls a second end."""
        made = [self.loaded.prepare(self.arrays) for _ in range(clients)]
        counts, gate = [0] * clients, threading.Barrier(clients + 1)
        stop = threading.Event()

        def client(number: int) -> None:
            made[number]()
            gate.wait()
            while not stop.is_set():
                made[number]()
                counts[number] += 1

        threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(clients)]
        for thread in threads:
            thread.start()
        gate.wait()
        start = time.perf_counter()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        return {"per_second": sum(counts) / (time.perf_counter() - start)}

    def weigh(self) -> dict[str, Any]:
        """Megabytes: at the peak of the process, and what loading and running added."""
        now, peak = memory.resident(), memory.peak()
        grown = None if now is None or self.before is None else now - self.before
        return {"peak_mb": peak, "grown_mb": grown}

    def _timed(self, calls: int) -> list[float]:
        call, clock, times = self.call, time.perf_counter, []
        for _ in range(calls):
            start = clock()
            call()
            times.append(clock() - start)
        return times


def main() -> None:
    """Obeys until the input ends. Whatever libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("do"))(**command)
        except OnwardError as error:
            answer = {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - a contender that fails is a result; the parent tells it
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry) != Path(__file__).parent]
    main()
