# SPDX-License-Identifier: Apache-2.0
"""Services, devices and wires for the bench: started, read from, and ended by their own process id.

Every child dies with this process (PR_SET_PDEATHSIG), whatever ends it; all reading has a deadline. Times are nanoseconds of
CLOCK_MONOTONIC, which the programs of the bench share.
"""

import collections
import ctypes
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time

STARTUP_S = 30
# A device gives up by itself after --timeout; this is for one that does not.
GRACE_S = 15
SLOW_TIMEOUT_S = 120

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


class BenchError(Exception):
    """Something did not do its job; the text says what, and ends the bench."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A process whose standard output is JSON, one object a line.

    Whoever waits for one child reads from all of them: a service whose pipe is full would wait for us.
    """

    speaking = []

    def __init__(self, command, log):
        self.name = os.path.basename(command[0])
        self.log = log
        self.part = b""
        self.lines = collections.deque()
        with open(log, "wb") as stderr:
            # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, preexec_fn=die_with_parent)
        self.speaking.append(self)

    def fileno(self):
        return self.process.stdout.fileno()

    @classmethod
    def listen(cls, timeout):
        """Reads what any child says within the time-out; false when none says anything."""
        ready = select.select(cls.speaking, [], [], timeout)[0]
        at_ns = time.monotonic_ns()
        for child in ready:
            child.take(os.read(child.fileno(), 65536), at_ns)
        return bool(ready)

    def take(self, data, at_ns):
        if not data:
            self.speaking.remove(self)
            return
        *whole, self.part = (self.part + data).split(b"\n")
        self.lines.extend((line, at_ns) for line in whole)

    def read_line(self, deadline):
        """The next line and when it came; None at the end of the output."""
        while not self.lines:
            left = deadline - time.monotonic()
            if self not in self.speaking:
                return None
            if left <= 0 or not self.listen(left):
                raise BenchError(f"{self.name} said nothing in time{self.error_text()}")
        return self.lines.popleft()

    def read_event(self, name, deadline=None):
        """The next event of this name; what comes before is dropped."""
        deadline = deadline or time.monotonic() + STARTUP_S
        while True:
            got = self.read_line(deadline)
            if got is None:
                raise BenchError(f"{self.name} ended before it said \"{name}\"{self.error_text()}")
            event = json.loads(got[0])
            if event.get("event") == name:
                return event

    def drain_events(self):
        """What it has said and nobody has read yet."""
        while self.speaking and self.listen(0):
            pass
        events = [json.loads(line) for line, _ in self.lines]
        self.lines.clear()
        return events

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def error_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            text = f.read().strip()
        return f":\n{text}" if text else ""

    def stop(self):
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self in self.speaking:
            self.speaking.remove(self)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Run:
    """One provisioning run: what the device said at its end, and when."""

    def __init__(self, provisioned, at_ns, writes):
        self.provisioned = provisioned
        self.report = provisioned["report"]
        self.at_ns = at_ns
        self.writes = writes


class StateWatch:
    """Counts what is renamed into and removed from a directory, by inotify: each durable write of the storage port ends in one rename."""

    IN_MOVED_TO, IN_DELETE, IN_Q_OVERFLOW = 0x80, 0x200, 0x4000

    def __init__(self, directory):
        self.fd = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or LIBC.inotify_add_watch(self.fd, directory.encode(), self.IN_MOVED_TO | self.IN_DELETE) < 0:
            raise BenchError(f"inotify: {os.strerror(ctypes.get_errno())}")

    def finish(self):
        """{"renames": [name, ...], "removals": [...]} in the order they happened."""
        found = {"renames": [], "removals": []}
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            at = 0
            while at < len(data):
                _, mask, _, length = struct.unpack_from("iIII", data, at)
                name = data[at + 16 : at + 16 + length].rstrip(b"\0").decode()
                at += 16 + length
                if mask & self.IN_Q_OVERFLOW:
                    raise BenchError("inotify lost count")
                found["renames" if mask & self.IN_MOVED_TO else "removals"].append(name)
        os.close(self.fd)
        return found


class Factory:
    """A service's state directory, a device's manufacturer certificate from it, and the directories that all state of the bench lies in."""

    MEMORY = "/dev/shm"

    def __init__(self, build):
        self.build = build
        os.makedirs(f"{build}/bench", exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix="run-", dir=f"{build}/bench")
        self.state = f"{self.dir}/service"
        # Where devices keep their state: on the disk that the build lies on and, to tell the network from that disk, in memory.
        self.roots = {"disk": self.dir}
        if os.access(self.MEMORY, os.W_OK) and os.path.ismount(self.MEMORY):
            self.roots["memory"] = tempfile.mkdtemp(prefix="dps-bench-", dir=self.MEMORY)
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for root in self.roots.values():
            shutil.rmtree(root, ignore_errors=True)

    def path(self, name, root="disk"):
        self.count += 1
        return f"{self.roots[root]}/{self.count}-{name}"

    def program(self, name):
        return f"{self.build}/{name}"

    def tool(self, name):
        return f"{self.build}/test/bench/{name}"

    def run_program(self, name, *arguments):
        """Runs one of the programs to its end; BenchError unless it succeeds."""
        command = [self.program(name), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=STARTUP_S, check=False, preexec_fn=die_with_parent)
        if result.returncode != 0:
            raise BenchError(f"{' '.join(command)}: status {result.returncode}\n{result.stderr}")

    def make_device(self):
        self.run_program("dps-service", "make-device", "--state-dir", self.state, "--out", f"{self.dir}/factory", "--serial", "BENCH")

    def start_service(self, host, config, prefix=(), options=()):
        """A service at host; its .port is set, and .gateway_port if it has one."""
        path = self.path("service.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        command = [*prefix, self.program("dps-service"), "--state-dir", self.state, "--config", path, "--listen", f"{host}:0", *options]
        service = Child(command, self.path("service.log"))
        try:
            service.port = service.read_event("listening")["port"]
            if "--gateway" in options:
                service.gateway_port = service.read_event("gateway")["port"]
        except BaseException:
            service.stop()
            raise
        return service

    def make_state(self, root="disk"):
        """An empty state directory of a device."""
        state = self.path("device", root)
        os.mkdir(state, 0o700)
        return state

    def provision(self, host, port, options=(), prefix=(), root="disk", timeout=60):
        """Provisions a device with a state directory of its own. BenchError when that fails, with all that the device said."""
        identity = ("--cert", f"{self.dir}/factory/manufacturer.pem", "--key", f"file:{self.dir}/factory/manufacturer.key")
        state = self.make_state(root)
        run = self.provision_in(state, f"coaps+tcp://{host}:{port}", (*identity, *options), prefix, timeout)
        shutil.rmtree(state)
        return run

    def provision_in(self, state, endpoint, options, prefix=(), timeout=60):
        """Provisions the device with this state directory; its identity is among the options."""
        watch = StateWatch(state)
        command = [*prefix, self.program("dps-device"), "--endpoint", endpoint, "--ca", f"{self.state}/service-ca.pem"]
        command += ["--state-dir", state, "--once", "--timeout", str(timeout), "--json", *options]
        deadline = time.monotonic() + timeout + GRACE_S
        lines, provisioned, at_ns = [], None, None
        with Child(command, self.path("device.log")) as device:
            while (got := device.read_line(deadline)) is not None:
                lines.append(got[0].decode(errors="replace"))
                event = json.loads(got[0])
                if event.get("event") == "provisioned":
                    provisioned, at_ns = event, got[1]
            status = device.process.wait(GRACE_S)
            if status != 0 or provisioned is None:
                said = "\n".join(lines[-20:])
                raise BenchError(f"a provisioning run failed with status {status}: {' '.join(command)}\n{said}{device.error_text()}")
        return Run(provisioned, at_ns, watch.finish())


class Wire:
    """Two network namespaces joined by tunlag; BenchError when this machine does not permit them."""

    def __init__(self, factory):
        self.factory = factory
        self.child = Child([factory.tool("tunlag")], factory.path("tunlag.log"))
        try:
            ready = self.child.read_event("ready")
        except BenchError:
            self.child.stop()
            raise
        self.host = ready["service"]["address"]
        self.service_prefix = self.enter(ready["service"])
        self.device_prefix = self.enter(ready["device"])

    @staticmethod
    def enter(side):
        return ("nsenter", f"--net={side['namespace']}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stop()

    def set_rtt(self, rtt_ms):
        """From now on; what was counted is forgotten."""
        self.child.say(f"rtt {rtt_ms}")
        self.child.read_event("rtt")

    def count(self):
        self.child.say("count")
        return self.child.read_event("count")

    def run(self, service, rtt_ms, mode, case):
        """Milliseconds from the device's SYN to `provisioned`, and the packets until the connection is closed."""
        self.set_rtt(rtt_ms)
        run = self.factory.provision(self.host, service.port, mode.options, self.device_prefix, case.state, SLOW_TIMEOUT_S)
        # The last packets of the connection are still under way.
        time.sleep(1.6 * rtt_ms / 1000)
        counts = self.count()
        return (run.at_ns - counts["synNs"]) / 1e6, counts


def durable_write_ms(directory, count=20):
    """The median time of one small durable write where the state lies: what each rename costs at least."""
    times = []
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(count):
        start = time.monotonic_ns()
        new = os.open(".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=fd)
        os.write(new, b"x" * 512)
        os.fsync(new)
        os.close(new)
        os.rename(".new", "probe", src_dir_fd=fd, dst_dir_fd=fd)
        os.fsync(fd)
        times.append((time.monotonic_ns() - start) / 1e6)
    os.close(fd)
    os.unlink(f"{directory}/probe")
    return sorted(times)[count // 2]
