"""The library parallel-ssh doing the same work; runs in bench/.venv.

Usage: ``parallel_ssh_library.py ORDER`` with ORDER as JSON; prints the seconds, without Python's own start.
"""

import json
import sys
import time

from pssh.clients import ParallelSSHClient  # type: ignore[import-not-found]  # lives in bench/.venv


def main() -> None:
    order = json.loads(sys.argv[1])
    began, began_processor = time.perf_counter(), time.process_time()
    client = ParallelSSHClient(
        order["hosts"], user=order["user"], port=order["port"], pkey=order["key"], pool_size=order["fanout"],
        allow_agent=False, num_retries=1,
    )  # fmt: skip
    results = client.run_command(order["command"])
    # The library hands out lines without their ends.
    sizes = [sum(len(line.encode()) + 1 for line in result.stdout) for result in results]
    client.join(results)
    seconds, processor = time.perf_counter() - began, time.process_time() - began_processor
    if any(result.exit_code for result in results):
        raise SystemExit("a command failed")
    print(json.dumps({"seconds": seconds, "processor": processor, "sizes": sizes}))


if __name__ == "__main__":
    main()
