# SPDX-License-Identifier: Apache-2.0
"""What a provisioning asks of a TPM: the commands of whole runs of dps-device on a software TPM of the bench's own, counted on the wire."""

import collections
import os
import socket
import statistics
import subprocess
import sys
import time

from harness import STARTUP_S, BenchError, Child

KEY = "tpm2:0x81020000"
INDEX = "nv:0x01C90000"
START_TRIES = 20

NAMES = {
    0x12B: "EvictControl", 0x131: "CreatePrimary", 0x144: "Startup", 0x145: "Shutdown", 0x14E: "NV_Read", 0x153: "Create", 0x157: "Load",
    0x15D: "Sign", 0x165: "FlushContext", 0x169: "NV_ReadPublic", 0x173: "ReadPublic", 0x176: "StartAuthSession", 0x17A: "GetCapability",
    0x181: "ReadClock",
}
# What reading a certificate from NV takes; the capability is how much of it the TPM gives at a time.
READS_NV = {"NV_Read", "NV_ReadPublic", "GetCapability"}

# Answers that ask for the same command again.
AGAIN = {0x908: "TPM_RC_YIELDED", 0x90A: "TPM_RC_TESTING", 0x920: "TPM_RC_NV_RATE", 0x922: "TPM_RC_RETRY"}

# A command counts once, with all of its time, however often the TPM asked for it again, and why it did. How often it was sent is told beside.
Command = collections.namedtuple("Command", "name us asked_again")

# A way to provision: where the certificate is; what the state directory holds: nothing, the store's copies of public keys only,
# or a provisioned device; and goal and floor for the commands that do not read NV.
Way = collections.namedtuple("Way", "name cert state goal floor")
WAYS = (
    Way("new operational key, certificate from a file", "file", "empty", 9, 6),
    Way("the same, SRK and IDevID known from before (a device that was reset)", "file", "reset", 9, 6),
    Way("operational key in place (--force), certificate from a file", "file", "whole", 5, 4),
    Way("new operational key, certificate from NV for the first time", "nv", "empty", 9, 6),
    Way("operational key in place (--force), certificate from the store's copy", "nv", "whole", 5, 4),
)
# The port's copies of what is public of a persistent key.
PUBLIC_COPY = "tpmh-"


class SoftTpm:
    """swtpm with a state directory of its own and an IDevID in it, and the tap in front of it: .tcti is the tap's."""

    def __init__(self, factory):
        self.factory = factory
        self.swtpm = self.tap = None
        self.certificate = f"{factory.dir}/idevid.pem"
        try:
            port = self.start()
            self.manufacture(f"swtpm:host=127.0.0.1,port={port}")
            tap = [sys.executable, "-B", f"{os.path.dirname(os.path.abspath(__file__))}/tpmtap.py", str(port)]
            self.tap = Child(tap, factory.path("tpmtap.log"))
            self.tcti = f"swtpm:host=127.0.0.1,port={self.tap.read_event('listening')['port']}"
        except BaseException:
            self.stop()
            raise

    def start(self):
        """Starts swtpm; its port. Another one when somebody took it in between."""
        state = self.factory.path("swtpm")
        os.mkdir(state, 0o700)
        for _ in range(START_TRIES):
            port = free_port()
            pid = f"{state}/pid"
            command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--pid", f"file={pid}"]
            command += ["--server", f"type=tcp,port={port},bindaddr=127.0.0.1", "--flags", "not-need-init,startup-clear"]
            self.swtpm = Child(command, self.factory.path("swtpm.log"))
            if self.wait_for(pid):
                return port
            error = self.swtpm.error_text()
            self.swtpm.stop()
            self.swtpm = None
        raise BenchError(f"swtpm does not start{error}")

    def wait_for(self, path):
        """Whether the file has something in it before swtpm ends."""
        deadline = time.monotonic() + STARTUP_S
        while self.swtpm.process.poll() is None:
            if os.path.exists(path) and os.path.getsize(path) > 0:
                return True
            if time.monotonic() >= deadline:
                raise BenchError(f"swtpm is not ready in time{self.swtpm.error_text()}")
            time.sleep(0.01)
        return False

    def manufacture(self, tcti):
        run, csr = self.factory.run_program, f"{self.factory.dir}/idevid.csr"
        common = ("--tcti", tcti, "--log", f"{self.factory.dir}/station.log")
        run("dps-factory", "own", *common)
        run("dps-factory", "idevid", "create", *common)
        run("dps-factory", "idevid", "csr", *common, "--serial", "BENCH-TPM", "--out", csr)
        run("dps-service", "sign-csr", "--state-dir", self.factory.state, "--csr", csr, "--out", self.certificate)
        run("dps-factory", "idevid", "install", *common, "--cert", self.certificate, "--serial", "BENCH-TPM")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for child in (self.tap, self.swtpm):
            if child is not None:
                child.stop()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def name_of(code):
    return NAMES.get(code, f"0x{code:03x}")


def read_commands(tap):
    """What the client that has gone had sent."""
    commands, us, again = [], 0, []
    for command in tap.read_event("gone")["commands"]:
        us += command["us"]
        if command["rc"] in AGAIN:
            again.append(AGAIN[command["rc"]])
            continue
        commands.append(Command(name_of(command["code"]), us, again))
        us, again = 0, []
    return commands


def provision(factory, tpm, service, state, way):
    """All commands of one run of dps-device, and how many of them it had sent when it said `provisioned`."""
    if way.state == "reset":
        for name in os.listdir(state):
            if not name.startswith(PUBLIC_COPY):
                os.unlink(f"{state}/{name}")
    cert = tpm.certificate if way.cert == "file" else INDEX
    options = ("--cert", cert, "--key", KEY, "--tcti", tpm.tcti, *(("--force",) if way.state == "whole" else ()))
    run = factory.provision_in(state, f"coaps+tcp://127.0.0.1:{service.port}", options)
    commands = read_commands(tpm.tap)
    told = [command["name"] for command in run.provisioned["tpm"]["list"]]
    if told != [command.name for command in commands[: len(told)]]:
        raise BenchError(f"dps-device says {' '.join(told)}, but the TPM was sent {' '.join(command.name for command in commands)}")
    return commands, len(told)


def measure(factory, config, runs):
    """[(way, commands of each run, how many come before `provisioned`)]. BenchError when runs of one way differ in their commands."""
    taken = {way: [] for way in WAYS}
    with SoftTpm(factory) as tpm, factory.start_service("127.0.0.1", config) as service:
        for _ in range(runs):
            states = {cert: factory.make_state() for cert in ("file", "nv")}
            for way in WAYS:
                taken[way].append(provision(factory, tpm, service, states[way.cert], way))
    for way, all_runs in taken.items():
        if len({tuple(command.name for command in commands) for commands, _ in all_runs}) != 1:
            raise BenchError(f"{way.name}: not all runs sent the same commands")
    return [(way, [commands for commands, _ in all_runs], all_runs[0][1]) for way, all_runs in taken.items()]


def summarise(way, all_runs, before):
    """The commands with the median of their times, and their counts; of what was asked for again, the run with the most."""
    commands = []
    for same in zip(*all_runs):
        again = max((command.asked_again for command in same), key=len)
        us = statistics.median(command.us for command in same)
        commands.append({"name": same[0].name, "us": us, "nv": same[0].name in READS_NV, "askedAgain": again})
    nv = sum(command["nv"] for command in commands)
    return {
        "way": way.name, "goal": way.goal, "floor": way.floor, "all": len(commands), "nv": nv, "judged": len(commands) - nv,
        "sent": len(commands) + sum(len(command["askedAgain"]) for command in commands),
        "beforeProvisioned": before, "us": sum(command["us"] for command in commands), "commands": commands,
    }


def version():
    """Of swtpm: "TPM emulator version 0.7.1, Copyright ..." """
    said = subprocess.run(["swtpm", "--version"], capture_output=True, text=True, check=False).stdout
    return f"swtpm {said.split(',')[0].split()[-1]}"
