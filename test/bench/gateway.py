# SPDX-License-Identifier: Apache-2.0
"""A hub's gateway for one device that does nothing but what is measured: CoAP over TLS (RFC 8323) with a certificate of the hub's authority."""

import socket
import ssl
import struct
import subprocess
import time

from harness import BenchError

CSM, PING, PONG = 0xE1, 0xE2, 0xE3
GET, POST, CHANGED = 0x01, 0x02, 0x44
URI_PATH = 11
# Content-Format application/vnd.ocf+cbor.
OCF_CBOR = b"\xc2\x27\x10"

# The hub's answers, in CBOR: tokens without an end, a session without an end, no numbers of links.
ANSWERS = {
    "/oic/sec/account": b"\xa4\x6baccesstoken\x61a\x6crefreshtoken\x61r\x63uid\x611\x69expiresin\x20",
    "/oic/sec/session": b"\xa1\x69expiresin\x20",
    "/oic/rd": b"\xa1\x65links\x80",
}
LINKS = b"\xb3oic\x03res"
LIGHT = b"\xb5light\x011"


def openssl(*arguments):
    result = subprocess.run(("openssl", *arguments), capture_output=True, text=True, timeout=30, check=False)
    if result.returncode != 0:
        raise BenchError(f"openssl {arguments[0]}: {result.stderr}")


def make_certificate(factory, hub):
    """Files of a chain and its key: a hub's gateway shows the hub's id."""
    key, request, leaf, extensions = (factory.path(name) for name in ("gateway.key", "gateway.csr", "gateway.pem", "gateway.ext"))
    with open(extensions, "w", encoding="utf-8") as f:
        f.write("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyAgreement\n"
                "extendedKeyUsage=clientAuth,serverAuth,1.3.6.1.4.1.44924.1.6\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
            "-subj", f"/CN=uuid:{hub}")
    authority = f"{factory.state}/hub-intermediate"
    openssl("x509", "-req", "-in", request, "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-set_serial", "1", "-days", "2",
            "-extfile", extensions, "-out", leaf)
    with open(leaf, "ab") as chain, open(f"{authority}.pem", "rb") as f:
        chain.write(f.read())
    return leaf, key


def encode(code, token=b"", rest=b""):
    """One message; rest is its options and payload."""
    size = len(rest)
    if size < 13:
        head = bytes([size << 4 | len(token)])
    elif size < 269:
        head = bytes([13 << 4 | len(token), size - 13])
    else:
        head = bytes([14 << 4 | len(token)]) + struct.pack(">H", size - 269)
    return head + bytes([code]) + token + rest


def decode(data):
    """(code, token, rest, length of all of it), None when that is not there yet."""
    if len(data) < 2:
        return None
    nibble, token_length, at = data[0] >> 4, data[0] & 15, 1
    extended = {13: 1, 14: 2, 15: 4}.get(nibble, 0)
    if len(data) < at + extended:
        return None
    size = int.from_bytes(data[at : at + extended], "big") + {13: 13, 14: 269, 15: 65805}.get(nibble, 0) if extended else nibble
    at += extended
    end = at + 1 + token_length + size
    if len(data) < end:
        return None
    return data[at], bytes(data[at + 1 : at + 1 + token_length]), bytes(data[at + 1 + token_length : end]), end


def path_of(rest):
    """The Uri-Path of a request's options."""
    number, at, path = 0, 0, ""
    while at < len(rest) and rest[at] != 0xFF:
        delta, length = rest[at] >> 4, rest[at] & 15
        at += 1
        if delta == 13:
            delta, at = rest[at] + 13, at + 1
        if length == 13:
            length, at = rest[at] + 13, at + 1
        number += delta
        if number == URI_PATH:
            path += "/" + rest[at : at + length].decode()
        at += length
    return path


class Gateway:
    """Listens at .port on loopback."""

    def __init__(self, factory, hub):
        chain, key = make_certificate(factory, hub)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(chain, key)
        self.context.load_verify_locations(f"{factory.state}/hub-ca.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]

    def close(self):
        self.listener.close()

    def accept(self):
        """The link to a device that has signed in and published."""
        try:
            raw, _ = self.listener.accept()
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.settimeout(30)
            link = Link(self.context.wrap_socket(raw, server_side=True))
        except (OSError, ssl.SSLError) as error:
            raise BenchError(f"no device at the gateway: {error}") from error
        link.let_in()
        return link


class Link:
    def __init__(self, connection):
        self.connection = connection
        self.received = bytearray()

    def close(self):
        self.connection.close()

    def send(self, *messages):
        self.connection.sendall(b"".join(messages))

    def receive(self):
        """The next message: code, token, rest."""
        while (message := decode(self.received)) is None:
            try:
                data = self.connection.recv(65536)
            except (OSError, ssl.SSLError) as error:
                raise BenchError(f"the device says nothing to the gateway: {error}") from error
            if not data:
                raise BenchError("the device has left the gateway")
            self.received += data
        del self.received[: message[3]]
        return message[:3]

    def let_in(self):
        self.send(encode(CSM))
        path = None
        while path != "/oic/rd":
            code, token, rest = self.receive()
            if code != POST:
                continue
            path = path_of(rest)
            if path not in ANSWERS:
                raise BenchError(f"the device asked the gateway for {path}")
            # Before it answers a sign-in a gateway asks for the links.
            asked = encode(GET, b"\x01", LINKS) if path == "/oic/sec/session" else b""
            self.send(asked, encode(CHANGED, token, OCF_CBOR + b"\xff" + ANSWERS[path]))

    def ping(self):
        """Milliseconds to the pong, nothing else being under way."""
        start = time.monotonic_ns()
        self.send(encode(PING, b"p"))
        while self.receive()[0] != PONG:
            pass
        return (time.monotonic_ns() - start) / 1e6

    def ask(self, count, window, ping_every):
        """Sends so many GET requests, window of them under way at a time, and pings among them. Seconds; milliseconds to each pong; and how many
        pongs came behind the answer to a request that had left behind the ping."""
        sent = answered = late = 0
        pings, pongs = {}, []
        start = time.monotonic_ns()
        while answered < count or pings:
            burst = []
            while sent < count and sent - answered < window:
                if ping_every and sent % ping_every == ping_every - 1:
                    token = struct.pack(">I", sent)
                    pings[token] = (sent, time.monotonic_ns())
                    burst.append(encode(PING, token))
                burst.append(encode(GET, struct.pack(">I", sent), LIGHT))
                sent += 1
            if burst:
                self.send(*burst)
            code, token, _ = self.receive()
            if code == PONG and token in pings:
                pongs.append((time.monotonic_ns() - pings.pop(token)[1]) / 1e6)
            elif code == 0x45:
                answered += 1
                late += sum(1 for before, _ in pings.values() if before <= struct.unpack(">I", token)[0])
            elif code >> 5 in (4, 5):
                raise BenchError(f"the device refused a GET with {code >> 5}.{code & 31:02}")
        return (time.monotonic_ns() - start) / 1e9, pongs, late
