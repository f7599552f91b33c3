#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures whole provisioning runs of dps-device against dps-service, and prints tables. docs/performance.md says what the figures mean.

bench.py --build DIR [--runs N] [SECTION]...    sections: wear loopback lag network hub instructions tpm (default: all)

Exit: 0 all runs provisioned their device, whatever the figures; 1 a run failed; 2 bad usage. The figures are also left in
DIR/bench/results.json.
"""

import argparse
import collections
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

import callgrind
import hub as hub_bench
import tpm as soft_tpm
from harness import SLOW_TIMEOUT_S, BenchError, Child, Factory, Wire, durable_write_ms

RTTS_MS = (50, 100, 200)
SLOW_RTTS_MS = (1000, 2000)
STATES = {"disk": "the build directory", "memory": Factory.MEMORY}

# Name, options of dps-device, goal: elapsed/RTT from TCP SYN to `provisioned`, TLS 1.2. The sequential mode is there to compare with.
Mode = collections.namedtuple("Mode", "name options goal")
MODES = (
    Mode("default", (), 5.3),
    Mode("clock synced", ("--clock-synced",), 4.3),
    Mode("sequential", ("--sequential",), None),
)
# The shortest delay that --retry takes: whatever starts over does it at once.
IMPATIENT = Mode("shortest retry", ("--retry", "0.001"), 5.3)

HUBS = [{"id": "00000000-0000-0000-0000-000000000001", "gateways": ["coaps+tcp://hub.example:5684"]}]
RESOURCES = [{"href": "/oc/con", "rep": {"n": "bench"}}, {"href": "/light/1", "rep": {"state": False, "power": 40}}]
# As the public service behaves: it has no resources, answers 4.04 and closes the connection.
ABSENT = {"owner": "1", "hubs": HUBS}
PRESENT = {**ABSENT, "resources": RESOURCES}

# Where a run takes place: the service's resources, its configuration, and where the device's state lies.
Case = collections.namedtuple("Case", "resources config state")
CASES = (Case("absent", ABSENT, "disk"), Case("present", PRESENT, "disk"), Case("absent", ABSENT, "memory"))
# The public service's behaviour is enough where only packets are looked at.
NETWORK_CASES = (CASES[0], CASES[2])

SHARE_GOAL = 3.0


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def say(text):
    print(text, flush=True)


def median(values):
    return statistics.median(values)


def judged(ratio, goal):
    """The ratio, its goal and whether that is met, as columns."""
    if goal is None:
        return f"{ratio:>8.2f} {'-':>5} {'':>6}"
    return f"{ratio:>8.2f} {goal:>5.1f} {verdict(ratio, goal):>6}"


def verdict(value, goal):
    return "met" if value <= goal else "MISSED"


def possible(factory, cases):
    return [case for case in cases if case.state in factory.roots]


def say_fits(fits):
    say("\nA line through the three: round trips waited for, and the work of both sides and the device's disk that no round trip hides")
    for mode, case, points in fits:
        slope, constant = statistics.linear_regression([p[0] for p in points], [p[1] for p in points])
        say(f"{mode.name:<14} {case.resources:<9} {case.state:<6} {slope:>6.2f} RTT {constant:>+7.1f} ms")


# --- loopback ------------------------------------------------------------------------------------------------------------------------


def loopback(factory, runs, results):
    heading(f"On loopback without lag (median of {runs} runs)")
    results["durableWriteMs"] = {name: durable_write_ms(root) for name, root in factory.roots.items()}
    for name, ms in results["durableWriteMs"].items():
        say(f"A durable write (file, fsync, rename, fsync of the directory) takes at least {ms:.2f} ms where state lies in {STATES[name]}.")
    if "memory" not in factory.roots:
        say(f"There is no {factory.MEMORY} to write to here: nothing is measured with the state in memory.")
    say(f"\n{'mode':<14} {'resources':<9} {'state':<6} {'program ms':>10} {'SYN to end':>10} {'CPU ms':>7} {'max RSS':>9}  "
        f"{'TLS':>3} {'conn':>4} {'req':>3} {'trips':>5} {'sent':>6} {'recvd':>6}  {'writes':>6} {'removals':>8}")
    for case in possible(factory, CASES):
        with factory.start_service("127.0.0.1", case.config) as service:
            for mode in MODES:
                taken = [measured_run(factory, service.port, mode, case) for _ in range(runs)]
                loopback_row(mode, case, taken, results)
    row = results["loopback"][0]
    say(f"\nDurable writes of the first row, in their order: {' '.join(row['renames'])}")


def measured_run(factory, port, mode, case):
    path = factory.path("costs.json")
    run = factory.provision("127.0.0.1", port, mode.options, prefix=(factory.tool("measure"), path), root=case.state)
    with open(path, encoding="utf-8") as f:
        return run, json.load(f)


def loopback_row(mode, case, taken, results):
    costs = {key: median([cost[key] for _, cost in taken]) for key in taken[0][1]}
    last = taken[-1][0]
    row = {
        "mode": mode.name, "resources": case.resources, "state": case.state, **costs,
        "ms": median([run.report["ms"] for run, _ in taken]),
        **{key: last.report[key] for key in ("handshakes", "connections", "requests", "roundTrips", "bytesSent", "bytesReceived")},
        "renames": last.writes["renames"], "removals": last.writes["removals"],
    }
    results.setdefault("loopback", []).append(row)
    say(f"{mode.name:<14} {case.resources:<9} {case.state:<6} {row['elapsedMs']:>10.1f} {row['ms']:>10.0f} "
        f"{row['userMs'] + row['systemMs']:>7.1f} {row['maxRssKiB']:>5.0f} KiB  {row['handshakes']:>3} {row['connections']:>4} "
        f"{row['requests']:>3} {row['roundTrips']:>5} {row['bytesSent']:>6} {row['bytesReceived']:>6}  {len(row['renames']):>6} "
        f"{len(row['removals']):>8}")


# --- lag proxy -----------------------------------------------------------------------------------------------------------------------


def lag(factory, runs, results):
    heading(f"Through the lag proxy (median of {runs} runs)")
    say("The proxy cannot delay the TCP handshake: `measured` starts when it accepts, and one RTT for SYN and SYN/ACK is added to it.")
    say("The goal is elapsed/RTT from SYN to `provisioned`. The reference client needs 11 through a proxy.")
    say("The sequential mode waits for 10: TCP, TLS (2), time (2), owner, cloud, ACLs, credentials, resources.\n")
    say(f"{'mode':<14} {'resources':<9} {'state':<6} {'RTT ms':>6} {'measured':>9} {'min':>8} {'max':>8} {'/RTT':>9} "
        f"{'+1 /RTT':>8} {'goal':>5}")
    fits = []
    for case in possible(factory, CASES):
        with factory.start_service("127.0.0.1", case.config) as service:
            for mode in MODES:
                points = []
                for rtt_ms in RTTS_MS:
                    times = [proxied_run(factory, service, rtt_ms, mode, case)[0] for _ in range(runs)]
                    points.append((rtt_ms, lag_row(rtt_ms, mode, case, times, results)))
                fits.append((mode, case, points))
    say_fits(fits)
    slow_lag(factory, CASES[0], results)


def proxied_run(factory, service, rtt_ms, mode, case):
    """Milliseconds from the proxy's accept to the device's `provisioned`, as seen from outside; and the run."""
    command = [factory.tool("lagproxy"), "--to", str(service.port), "--rtt-ms", str(rtt_ms)]
    with Child(command, factory.path("lagproxy.log")) as proxy:
        port = proxy.read_event("listening")["port"]
        run = factory.provision("127.0.0.1", port, mode.options, root=case.state, timeout=SLOW_TIMEOUT_S)
        accepted = proxy.read_event("accepted")
    return (run.at_ns - accepted["atNs"]) / 1e6, run


def lag_row(rtt_ms, mode, case, times, results):
    """The median with the TCP handshake."""
    measured = median(times)
    ratio = measured / rtt_ms + 1
    results.setdefault("lag", []).append(
        {"mode": mode.name, "resources": case.resources, "state": case.state, "rttMs": rtt_ms, "measuredMs": times, "ratio": ratio})
    say(f"{mode.name:<14} {case.resources:<9} {case.state:<6} {rtt_ms:>6} {measured:>9.1f} {min(times):>8.1f} {max(times):>8.1f} "
        f"{measured / rtt_ms:>9.2f} {judged(ratio, mode.goal)}".rstrip())
    return measured + rtt_ms


def slow_lag(factory, case, results):
    say("\nVery slow networks, one run each. The service was asked (time twice: the lead request):\n")
    say(f"{'mode':<14} {'RTT ms':>6} {'measured':>9} {'+1 /RTT':>8} {'goal':>5}")
    with factory.start_service("127.0.0.1", case.config) as service:
        for mode in (MODES[0], IMPATIENT):
            for rtt_ms in SLOW_RTTS_MS:
                asked(service)
                ms, run = proxied_run(factory, service, rtt_ms, mode, case)
                counts = asked(service)
                ratio = ms / rtt_ms + 1
                results.setdefault("slow", []).append(
                    {"mode": mode.name, "rttMs": rtt_ms, "measuredMs": ms, "ratio": ratio, "asked": counts})
                say(f"{mode.name:<14} {rtt_ms:>6} {ms:>9.1f} {judged(ratio, mode.goal)}  "
                    + ", ".join(f"{name} {count}" for name, count in counts.items())
                    + (" IT STARTED OVER" if run.report["connections"] != 1 else ""))


def asked(service):
    """How often the service has been asked for each step since last looked at, and over how many connections."""
    counts = collections.Counter()
    for event in service.drain_events():
        if event["event"] == "request":
            counts[event["step"]] += 1
        elif event["event"] == "connected":
            counts["connections"] += 1
    return counts


# --- two namespaces ------------------------------------------------------------------------------------------------------------------


def network(factory, runs, results):
    heading(f"Packet by packet: two network namespaces and a wire of TUN devices (median of {runs} runs, resources absent)")
    if os.geteuid() != 0:
        say("Not measured: only root may make network namespaces.")
        return
    try:
        wire = Wire(factory)
    except BenchError as error:
        say(f"Not measured: {' '.join(str(error).split())}")
        return
    with wire:
        config = {**ABSENT, "serverCertificate": {"hosts": [wire.host]}}
        with factory.start_service(wire.host, config, wire.service_prefix) as service:
            network_tables(factory, runs, results, wire, service)


def network_tables(factory, runs, results, wire, service):
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="utf-8") as f:
        say(f"From SYN to `provisioned`, congestion control {f.read().strip()}.")
    say("TLS up: packets before the device's first application data. Others: until the connection is closed, of them with data.")
    say("A repeated packet is no loss: TCP repeats a SYN that is not answered within a second.")
    say("The reference client needs 15 round trips on a network.\n")
    say(f"{'mode':<14} {'state':<6} {'RTT ms':>6} {'elapsed':>9} {'min':>8} {'max':>8} {'/RTT':>8} {'goal':>5} {'':>6} "
        f"{'TLS up':>6} {'up':>4} {'data':>4} {'down':>5} {'data':>4} {'repeated':>8}")
    fits = []
    for case in possible(factory, NETWORK_CASES):
        for mode in MODES:
            points = []
            for rtt_ms in RTTS_MS:
                taken = [wire.run(service, rtt_ms, mode, case) for _ in range(runs)]
                points.append((rtt_ms, network_row(rtt_ms, mode, case, taken, results)))
            fits.append((mode, case, points))
    for rtt_ms in SLOW_RTTS_MS:
        network_row(rtt_ms, MODES[0], CASES[0], [wire.run(service, rtt_ms, MODES[0], CASES[0])], results)
    say_fits(fits)


def network_row(rtt_ms, mode, case, taken, results):
    """The median."""
    times = [ms for ms, _ in taken]
    elapsed = median(times)
    ratio = elapsed / rtt_ms
    up, down = ({key: median([counts[way][key] for _, counts in taken]) for key in taken[0][1][way]} for way in ("up", "down"))
    results.setdefault("network", []).append(
        {"mode": mode.name, "state": case.state, "rttMs": rtt_ms, "ms": times, "ratio": ratio, "up": up, "down": down})
    say(f"{mode.name:<14} {case.state:<6} {rtt_ms:>6} {elapsed:>9.1f} {min(times):>8.1f} {max(times):>8.1f} {judged(ratio, mode.goal)} "
        f"{up['handshake']:>6.0f} {up['packets']:>4.0f} {up['withData']:>4.0f} {down['packets']:>5.0f} {down['withData']:>4.0f} "
        f"{up['retransmitted'] + down['retransmitted']:>8.0f}")
    return elapsed


# --- a hub ---------------------------------------------------------------------------------------------------------------------------


def hub(factory, runs, results):
    heading(f"A device at its hub (median of {runs} runs)")
    rows = hub_round_trips(factory, runs)
    figures = hub_bench.link_figures(factory)
    results["hub"] = {"roundTrips": rows, **figures}
    say("\nGET /light/1 over the link on loopback, from a gateway of the bench's own")
    for row in figures["requests"]:
        say(f"{row['window']:>4} under way: {row['perSecond']:>8.0f} a second, {row['cpuUs']:>6.1f} us of the device's processor time each")
    say(f"\n{'pong behind a ping, ms':<34} {'pings':>6} {'median':>8} {'99 %':>8} {'max':>8}")
    for row in figures["pongs"]:
        say(f"{row['what']:<34} {row['pings']:>6} {row['medianMs']:>8.2f} {row['p99Ms']:>8.2f} {row['maxMs']:>8.2f}")
    say(f"pongs behind the answer to a request that came later: {figures['late']}, goal 0, {verdict(figures['late'], 0)}")


def hub_round_trips(factory, runs):
    try:
        if os.geteuid() != 0:
            raise BenchError("only root may make network namespaces")
        wire = Wire(factory)
    except BenchError as error:
        say(f"Round trips are not measured: {' '.join(str(error).split())}.")
        return []
    say("From SYN to signed in and published, packet by packet between two network namespaces; the gateway's own GET /oic/res is in it.")
    say("Packets until then, of them with data.\n")
    say(f"{'':<42} {'RTT ms':>6} {'elapsed':>9} {'min':>8} {'max':>8} {'/RTT':>8} {'goal':>5} {'':>6} {'up':>4} {'data':>4} {'down':>5} {'data':>4}")
    with wire:
        rows = hub_bench.round_trips(factory, wire, RTTS_MS, runs)
    for row in rows:
        up, down = row["up"], row["down"]
        say(f"{row['way']:<42} {row['rttMs']:>6} {median(row['ms']):>9.1f} {min(row['ms']):>8.1f} {max(row['ms']):>8.1f} "
            f"{judged(row['ratio'], row['goal'])} {up['packets']:>4} {up['withData']:>4} {down['packets']:>5} {down['withData']:>4}")
    for name in dict.fromkeys(row["way"] for row in rows):
        points = [(row["rttMs"], median(row["ms"])) for row in rows if row["way"] == name]
        slope, constant = statistics.linear_regression([p[0] for p in points], [p[1] for p in points])
        say(f"{name:<42} {slope:>6.2f} RTT {constant:>+7.1f} ms")
    return rows


# --- instructions --------------------------------------------------------------------------------------------------------------------


def instructions(factory, _runs, results):
    heading("Instructions of a whole run of dps-device (valgrind --tool=callgrind, exclusive cost, resources absent)")
    out = factory.path("callgrind.out")
    prefix = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "-q")
    with factory.start_service("127.0.0.1", ABSENT) as service:
        factory.provision("127.0.0.1", service.port, prefix=prefix, timeout=120)
    costs = callgrind.read_costs(out)
    total = sum(costs.values())
    objects, ours = collections.Counter(), collections.Counter()
    for (name, source), cost in costs.items():
        objects[os.path.basename(name)] += cost
        if os.path.basename(name) == "dps-device":
            ours[room(source)] += cost
    share = 100.0 * objects["dps-device"] / total
    results["instructions"] = {"total": total, "share": share, "objects": objects, "ours": ours}
    say(f"{'whole run':<34} {total:>13,}")
    for name, cost in objects.most_common():
        say(f"  {'ours (dps-device)' if name == 'dps-device' else name:<32} {cost:>13,} {100.0 * cost / total:>7.2f} %")
    say(f"\nours, goal at most {SHARE_GOAL:g} %: {share:.2f} %, {verdict(share, SHARE_GOAL)}")
    for name, cost in ours.most_common():
        say(f"  {name:<32} {cost:>13,} {100.0 * cost / total:>7.2f} %")


def room(source):
    """lib/coap of /somewhere/lib/coap/message.c; what is in none of our folders came with the compiler or the linker."""
    parts = source.split("/")
    for top in ("lib", "port", "examples", "include"):
        if top in parts[:-1]:
            at = len(parts) - 1 - parts[::-1].index(top)
            if top == "include":
                return "include/dps" if "dps" in parts else "system headers, inlined"
            return f"{top}/{parts[at + 1]}" if at + 2 < len(parts) else source
    return "start-up and calls through the PLT"


# --- TPM -----------------------------------------------------------------------------------------------------------------------------


def tpm(factory, runs, results):
    heading(f"Commands to a TPM ({soft_tpm.version()}, state directory and ports of its own; median times of {runs} runs)")
    say("Counted on the wire, of the whole process: what comes after `provisioned` (FlushContext, Shutdown) too. SRK and IDevID are in place,")
    say("auth values are empty. The goal is for all commands but those that read certificates from NV. A command that the TPM asks to be sent")
    say("again counts once; `sent` has each time.\n")
    say(f"{'':<72} {'commands':>8} {'from NV':>7} {'others':>6} {'goal':>4} {'':>6} {'floor':>5} {'sent':>4} {'ms':>5}")
    rows = [soft_tpm.summarise(*taken) for taken in soft_tpm.measure(factory, ABSENT, runs)]
    results["tpm"] = rows
    for row in rows:
        say(f"{row['way']:<72} {row['all']:>8} {row['nv']:>7} {row['judged']:>6} {row['goal']:>4} {verdict(row['judged'], row['goal']):>6} "
            f"{row['floor']:>5} {row['sent']:>4} {row['us'] / 1000:>5.1f}")
    for row in rows:
        say(f"\n{row['way'][0].upper()}{row['way'][1:]}:")
        for number, command in enumerate(row["commands"]):
            notes = "  from NV" if command["nv"] else ""
            notes += "  after `provisioned`" if number >= row["beforeProvisioned"] else ""
            notes += "".join(f"  sent again: {why}" for why in command["askedAgain"])
            say(f"  {command['name']:<16} {command['us'] / 1000:>7.2f} ms{notes}")


# --- wear of the medium --------------------------------------------------------------------------------------------------------------

# What a device does in its life, one after another on one state directory, and the options that make it do so.
LIFE = (
    ("first provisioning", ()),
    ("renewal of the identity", ("--renew",)),
    ("all steps again", ("--force",)),
    ("restart of a provisioned device", ()),
)


def wear(factory, _runs, results):
    heading("Wear of the medium: blobs written and erased, and bytes of the blobs written")
    say("With the files of dps-device itself (what it remembers of its command line, once) and of its software keys; without what a file system adds.\n")
    say(f"{'':<32} {'writes':>6} {'bytes':>6} {'erases':>6}")
    identity = ("--cert", f"{factory.dir}/factory/manufacturer.pem", "--key", f"file:{factory.dir}/factory/manufacturer.key")
    with factory.start_service("127.0.0.1", ABSENT) as service:
        state = factory.make_state()
        for name, options in LIFE:
            run = factory.provision_in(state, f"coaps+tcp://127.0.0.1:{service.port}", (*identity, *options))
            row = {"what": name, **run.provisioned["storage"]}
            results.setdefault("wear", []).append(row)
            say(f"{name:<32} {row['writes']:>6} {row['bytes']:>6} {row['erases']:>6}")


SECTIONS = {"wear": wear, "loopback": loopback, "lag": lag, "network": network, "hub": hub, "instructions": instructions, "tpm": tpm}


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {platform.system()} {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description="Measures provisioning runs.")
    parser.add_argument("--build", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("sections", nargs="*")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown or not 1 <= arguments.runs <= 1000:
        parser.error(f"no such section: {' '.join(sorted(unknown))}" if unknown else "--runs goes from 1 to 1000")
    # Ended from outside, too, children are stopped and directories removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = {"machine": machine(), "runs": arguments.runs}
    say(f"Measured on: {results['machine']}")
    start = time.monotonic()
    try:
        with Factory(arguments.build) as factory:
            factory.start_service("127.0.0.1", ABSENT).stop()
            factory.make_device()
            for name in arguments.sections or SECTIONS:
                SECTIONS[name](factory, arguments.runs, results)
    except (BenchError, subprocess.TimeoutExpired, ValueError) as error:
        sys.stdout.flush()
        print(f"\nbench: {error}", file=sys.stderr)
        return 1
    with open(f"{arguments.build}/bench/results.json", "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
    say(f"\nAll runs provisioned their device. {time.monotonic() - start:.0f} s; the figures are in {arguments.build}/bench/results.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
