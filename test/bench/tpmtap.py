#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Carries commands to a TPM and answers back, one client after the other, and tells which commands there were and how long each took.

tpmtap.py PORT    the TPM's at 127.0.0.1

It is on the wire, so it counts all of a client's commands from its first to its last, and does not take the client's word for them. A command's
time runs from when all of it is here until all of its answer is. On standard output, one JSON object a line: "listening" with the port, then, each
time a client has gone, "gone" with its commands. It ends with its standard input.
"""

import json
import select
import socket
import struct
import sys
import time

# Tag, size of the whole, command or response code: TPM 2.0 part 1, 18.
HEAD = struct.Struct(">HII")
LONGEST = 65536


def tell(event, **members):
    print(json.dumps({"event": event, **members}), flush=True)


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_message(connection):
    """All of a command or an answer, and its code; EOFError at the end."""
    head = read_exactly(connection, HEAD.size)
    _, size, code = HEAD.unpack(head)
    if not HEAD.size <= size <= LONGEST:
        raise ValueError(f"a message of {size} bytes")
    return head + read_exactly(connection, size - HEAD.size), code


def carry(client, tpm, commands):
    while True:
        command, code = read_message(client)
        start_ns = time.monotonic_ns()
        tpm.sendall(command)
        answer, rc = read_message(tpm)
        commands.append({"code": code, "rc": rc, "us": (time.monotonic_ns() - start_ns) / 1000})
        client.sendall(answer)


def serve(client, port):
    commands = []
    try:
        with client, socket.create_connection(("127.0.0.1", port)) as tpm:
            for end in (client, tpm):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            carry(client, tpm, commands)
    except EOFError:
        pass
    tell("gone", commands=commands)


def main():
    port = int(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tell("listening", port=listener.getsockname()[1])
        while True:
            ready = select.select([listener, sys.stdin], [], [])[0]
            if sys.stdin in ready:
                return 0
            serve(listener.accept()[0], port)


if __name__ == "__main__":
    sys.exit(main())
