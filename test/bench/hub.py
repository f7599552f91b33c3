# SPDX-License-Identifier: Apache-2.0
"""A device at its hub: round trips from SYN to signed in and published, pings, and how many requests it answers."""

import collections
import json
import os
import shutil
import statistics
import subprocess
import time

from gateway import Gateway
from harness import GRACE_S, STARTUP_S, BenchError, Child

HUB = "00000000-0000-0000-0000-000000000001"
# What a gateway takes over an operation is imitated by default; here only the wire counts.
CONFIG = {"owner": "1", "gateway": {"signInWork": 0, "accountWork": 0}}

Way = collections.namedtuple("Way", "name goal")
NEW = Way("new: TCP, TLS, sign-up, sign-in, publish", 6.3)
KNOWN = Way("registered: the same without the sign-up", 5.3)
RESUMED = Way("registered, TLS session resumed", 4.3)

REQUESTS = 4000
WINDOW = 32
PINGS = 500
RENEWAL_S = 6


def point_to(service, uris):
    """Has the service provision this hub from now on."""
    service.say("set hubs " + json.dumps([{"id": HUB, "gateways": uris}]))
    if not service.read_event("control")["ok"]:
        raise BenchError("dps-service does not take the hub")


def identity(factory):
    return ("--cert", f"{factory.dir}/factory/manufacturer.pem", "--key", f"file:{factory.dir}/factory/manufacturer.key")


def start_device(factory, state, options, prefix=()):
    return Child([*prefix, factory.program("dps-device"), "--state-dir", state, "--online", *options], factory.path("device.log"))


def signed_in(device):
    """When the device had both signed in and published; the event of the former."""
    wanted, at_ns = {}, 0
    deadline = time.monotonic() + STARTUP_S + GRACE_S
    while len(wanted) < 2:
        got = device.read_line(deadline)
        if got is None:
            raise BenchError(f"the device did not come online{device.error_text()}")
        event = json.loads(got[0])
        if event["event"] in ("online", "published"):
            wanted[event["event"]], at_ns = event, got[1]
    return at_ns, wanted["online"]


# --- round trips ---------------------------------------------------------------------------------------------------------------------


def one_way_online(wire, factory, state, rtt_ms):
    """Milliseconds from SYN to signed in and published, of a device that is started for it."""
    wire.set_rtt(rtt_ms)
    with start_device(factory, state, ("--json", "--once", "--clock-synced"), wire.device_prefix) as device:
        at_ns, _ = signed_in(device)
        counts = wire.count()
        device.process.wait(GRACE_S)
    return (at_ns - counts["synNs"]) / 1e6, counts


def resumed(wire, factory, state, rtt_ms, device_id):
    """The same of one that was thrown out by the gateway."""
    wire.set_rtt(1)
    with start_device(factory, state, ("--json", "--clock-synced", "--hub-retry", "1"), wire.device_prefix) as device:
        signed_in(device)
        wire.set_rtt(rtt_ms)
        factory.run_program("dps-service", "offline", device_id, "--state-dir", factory.state)
        at_ns, event = signed_in(device)
        counts = wire.count()
        if not event["resumed"]:
            raise BenchError("the TLS session was not resumed")
        device.process.terminate()
        device.process.wait(GRACE_S)
    return (at_ns - counts["synNs"]) / 1e6, counts


def round_trips(factory, wire, rtts_ms, runs):
    """Rows: way, RTT, elapsed milliseconds, packets and bytes of the last run."""
    rows = []
    config = {**CONFIG, "serverCertificate": {"hosts": [wire.host]}}
    with factory.start_service(wire.host, config, wire.service_prefix, ("--gateway", f"{wire.host}:0,{HUB}")) as service:
        point_to(service, [f"coaps+tcp://{wire.host}:{service.gateway_port}"])
        wire.set_rtt(1)
        template = factory.make_state("memory" if "memory" in factory.roots else "disk")
        run = factory.provision_in(template, f"coaps+tcp://{wire.host}:{service.port}", identity(factory), wire.device_prefix)
        for rtt_ms in rtts_ms:
            taken = collections.defaultdict(list)
            for _ in range(runs):
                state = f"{template}-{rtt_ms}"
                shutil.copytree(template, state)
                taken[NEW].append(one_way_online(wire, factory, state, rtt_ms))
                taken[KNOWN].append(one_way_online(wire, factory, state, rtt_ms))
                taken[RESUMED].append(resumed(wire, factory, state, rtt_ms, run.provisioned["deviceId"]))
                shutil.rmtree(state)
            for way, figures in taken.items():
                times = [ms for ms, _ in figures]
                rows.append({"way": way.name, "goal": way.goal, "rttMs": rtt_ms, "ms": times, "ratio": statistics.median(times) / rtt_ms,
                             "up": figures[-1][1]["up"], "down": figures[-1][1]["down"]})
            service.drain_events()
    return rows


# --- a link ----------------------------------------------------------------------------------------------------------------------------


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def pongs(what, times):
    return {"what": what, "pings": len(times), "medianMs": statistics.median(times), "p99Ms": percentile(times, 0.99), "maxMs": max(times)}


def cpu_s(pid):
    """Processor time of a process until now."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def while_renewing(link, service):
    """Pongs, one ping after another, until the device's identity is renewed and some time beyond."""
    times = []
    deadline = time.monotonic() + STARTUP_S
    until = None
    service.drain_events()
    while until is None or time.monotonic() < until:
        times.append(link.ping())
        if time.monotonic() > deadline:
            raise BenchError("the device did not renew its identity")
        if until is None and any(event["event"] == "signed" for event in service.drain_events()):
            until = time.monotonic() + 0.5
        time.sleep(0.001)
    return times


def link_figures(factory):
    """Requests answered, one after another and many under way; pings idle, among those, and during a renewal."""
    figures = {"requests": [], "pongs": [], "late": 0}
    with factory.start_service("127.0.0.1", {**CONFIG, "identityLifetime": 10 * RENEWAL_S}) as service:
        gateway = Gateway(factory, HUB)
        try:
            point_to(service, [f"coaps+tcp://127.0.0.1:{gateway.port}"])
            state = factory.make_state("memory" if "memory" in factory.roots else "disk")
            factory.provision_in(state, f"coaps+tcp://127.0.0.1:{service.port}", identity(factory))
            with start_device(factory, state, ("--quiet", "--renew-at", "10")) as device:
                measure_link(gateway.accept(), device, service, figures)
        finally:
            gateway.close()
    return figures


def measure_link(link, device, service, figures):
    # First: the identity is renewed at a tenth of its life.
    figures["pongs"].append(pongs("while the identity is renewed", while_renewing(link, service)))
    figures["pongs"].append(pongs("nothing else under way", [link.ping() for _ in range(PINGS)]))
    for window in (1, WINDOW):
        before = cpu_s(device.process.pid)
        seconds, times, late = link.ask(REQUESTS, window, 8)
        figures["requests"].append({"window": window, "perSecond": REQUESTS / seconds,
                                    "cpuUs": (cpu_s(device.process.pid) - before) / REQUESTS * 1e6})
        figures["pongs"].append(pongs(f"{window} requests under way" if window > 1 else "one request under way", times))
        figures["late"] += late
    link.close()
    device.process.terminate()
    try:
        device.process.wait(GRACE_S)
    except subprocess.TimeoutExpired as error:
        raise BenchError("dps-device does not end") from error
