"""The least a paramiko script can do: a pool of 64 threads, each connects, runs the command and reads its output.

Usage: ``bare_paramiko.py ORDER`` with ORDER as JSON; prints the seconds, without Python's own start.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import paramiko


def open_client(order: dict[str, Any], host: str) -> paramiko.SSHClient:
    """Connect to one host, whose key must be known."""
    client = paramiko.SSHClient()
    name = f"[{host}]:{order['port']}"
    # The file was parsed once; every client gets only what it needs.
    for key_type, key in order["host_keys"][name].items():
        client.get_host_keys().add(name, key_type, key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        host, order["port"], order["user"], pkey=order["pkey"], allow_agent=False, look_for_keys=False, timeout=30,
        banner_timeout=30,
    )  # fmt: skip
    return client


def run(client: paramiko.SSHClient, command: str) -> bytes:
    """The command's output."""
    _, stdout, _ = client.exec_command(command)
    output = bytes(stdout.read())
    if stdout.channel.recv_exit_status():
        raise SystemExit("a command failed")
    return output


def cold(order: dict[str, Any], host: str) -> bytes:
    """Connect, run, close."""
    with open_client(order, host) as client:
        return run(client, order["command"])


def main() -> None:
    order = json.loads(sys.argv[1])
    order["pkey"] = paramiko.Ed25519Key.from_private_key_file(order["key"])
    order["host_keys"] = paramiko.HostKeys(order["known_hosts"])
    with ThreadPoolExecutor(order["fanout"]) as pool:
        clients = list(pool.map(lambda host: open_client(order, host), order["hosts"] if order["warm"] else []))
        began, began_processor = time.perf_counter(), time.process_time()
        if order["warm"]:
            outputs = list(pool.map(lambda client: run(client, order["command"]), clients))
        else:
            outputs = list(pool.map(lambda host: cold(order, host), order["hosts"]))
        seconds, processor = time.perf_counter() - began, time.process_time() - began_processor
        for client in clients:
            client.close()
    print(json.dumps({"seconds": seconds, "processor": processor, "sizes": [len(output) for output in outputs]}))


if __name__ == "__main__":
    main()
