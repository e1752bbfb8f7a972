"""Listing 10,000 items: `ls` under the mount beside pystac-client, for the same search, in one run.

    listing.py STACFS

Both ask the demo's server (`stacfs demo --serve-only`) through a relay that counts bytes. Prints for each: seconds,
CPU seconds of the client (stacfs: `ls` and the process that serves the mount; pystac-client: its Python, without what
importing costs), requests and bytes received; then their ratios. Ends with 1 where stacfs is not within the aims:
a tenth of the CPU, half of the bytes where the server knows `fields`.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

COLLECTION, MOST = "many", 10_000
PYSTAC = """
import json, resource, sys, time
from pystac_client import Client
cpu = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before, began = cpu(), time.monotonic()
search = Client.open(sys.argv[1]).search(collections=[sys.argv[2]], limit=256, max_items=int(sys.argv[3]))
names = [item.id for item in search.items()]
print(json.dumps({"items": len(names), "cpu": cpu() - before, "seconds": time.monotonic() - began}))
"""


class Relay:
    """Passes connections on to a server, and counts what comes back."""

    def __init__(self, port):
        self.port, self.received, self.requests = port, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, sink, is_answer):
        try:
            while piece := source.recv(1 << 16):
                if is_answer:
                    self.received += len(piece)
                else:
                    self.requests += len(re.findall(rb"(?:GET|POST|HEAD) \S+ HTTP/1", piece))
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def taken(self):
        counted, self.received, self.requests = (self.requests, self.received), 0, 0
        return counted


def cpu_of(pid):
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def server_of(stacfs, point):
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = status.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(stacfs.name.encode()) and str(point).encode() in words:
            return int(status.parent.name)
    sys.exit("the mount has no process")


def of_mount(stacfs, folder, url, relay):
    point = folder / "mnt"
    point.mkdir()
    subprocess.run([stacfs, "mount", "--cache-dir", folder / "cache", url, point], check=True)
    try:
        pid = server_of(stacfs, point)
        relay.taken()
        before, children, began = cpu_of(pid), os.times(), time.monotonic()
        listed = subprocess.run(["ls", "-U", point / COLLECTION], check=True, capture_output=True, text=True).stdout
        seconds, after = time.monotonic() - began, os.times()
        ls = after.children_user + after.children_system - children.children_user - children.children_system
        names = set(listed.split()) - {"collection.json", "TRUNCATED.txt"}
        return {"items": len(names), "cpu": cpu_of(pid) - before + ls, "seconds": seconds}
    finally:
        subprocess.run([stacfs, "umount", point], check=False)


def main():
    stacfs = Path(sys.argv[1]).absolute()
    demo = subprocess.Popen([stacfs, "demo", "--serve-only"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/stac", demo.stdout.readline()).group(1))
        relay = Relay(port)
        url = f"{relay.url}/stac"
        with tempfile.TemporaryDirectory(prefix="stacfs-listing-") as folder:
            ours = of_mount(stacfs, Path(folder), url, relay)
            ours["requests"], ours["bytes"] = relay.taken()
        said = subprocess.run([sys.executable, "-c", PYSTAC, url, COLLECTION, str(MOST)],
                              check=True, capture_output=True, text=True).stdout
        theirs = json.loads(said)
        theirs["requests"], theirs["bytes"] = relay.taken()
    finally:
        demo.terminate()
        demo.wait()
    print(f"{'':14} {'items':>6} {'seconds':>8} {'CPU s':>7} {'requests':>8} {'MB':>7}")
    for name, row in [("ls, stacfs", ours), ("pystac-client", theirs)]:
        print(f"{name:14} {row['items']:6} {row['seconds']:8.2f} {row['cpu']:7.2f} {row['requests']:8} "
              f"{row['bytes'] / 1e6:7.2f}")
    cpu, received = ours["cpu"] / theirs["cpu"], ours["bytes"] / theirs["bytes"]
    print(f"stacfs took {cpu:.2f} of the CPU (aim: 0.10), {received:.2f} of the bytes (aim: 0.50), "
          f"{ours['seconds'] / theirs['seconds']:.2f} of the time (aim: 1)")
    met = ours["items"] == theirs["items"] == MOST and cpu <= 0.1 and received <= 0.5
    sys.exit(0 if met and ours["seconds"] <= theirs["seconds"] else 1)


main()
