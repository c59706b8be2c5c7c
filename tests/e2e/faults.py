#!/usr/bin/env python3
"""Servers with faults, for health checks: each has a port of its own on the addresses that are named. Says "ready" when
all listen."""
import socket
import socketserver
import sys
import threading
import time

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of"


def name_server(rcode, answer=b"", spoil=lambda reply: reply):
    """Answers every question with the code, and with an address where there is to be one."""

    def reply_to(question):
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + answer if answer else b""
        header = question[:2] + bytes([0x81, 0x80 | rcode, 0, 1, 0, bool(answer), 0, 0, 0, 0])
        return spoil(header + question[12:] + record)

    return reply_to


def slow(request):
    """The beginning at once, the rest long after everybody's timeout."""
    yield b"SSH-"
    time.sleep(10)
    yield b"2.0-OpenSSH_9.2p1\r\n"


ADDRESS = bytes([192, 0, 2, 7])
SERVERS = {
    ("tcp", 8001): None,  # takes connections and says nothing
    ("tcp", 8002): lambda request: [HALF],
    ("tcp", 8003): lambda request: [],
    ("tcp", 8004): lambda request: [b"SSH-2.0-OpenSSH_9.2p1\r\n"],
    ("tcp", 8005): slow,
    ("udp", 5301): name_server(0, ADDRESS),
    ("udp", 5302): name_server(2),
    ("udp", 5303): lambda question: b"\xff" * 40,
    ("udp", 5304): None,
    ("udp", 5305): name_server(0, ADDRESS, spoil=lambda reply: bytes([reply[0] ^ 1]) + reply[1:]),
    ("udp", 5306): name_server(0, ADDRESS, spoil=lambda reply: reply[:-6]),
    ("udp", 9001): lambda datagram: b"pong",
}


class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        answer = SERVERS["tcp", self.server.server_address[1]]
        request = self.request.recv(4096)
        if answer:
            for part in answer(request):
                self.request.sendall(part)
        else:
            self.request.recv(4096)  # until the client goes


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        answer = SERVERS["udp", self.server.server_address[1]]
        if answer:
            self.request[1].sendto(answer(self.request[0]), self.client_address)


class Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a probe closes by reset


def accept_nobody(at):
    """One client has the only place in the queue, for ever: the kernel drops the SYN of every other."""
    server = socket.create_server(at, backlog=0)
    return server, socket.create_connection(at)


FULL = 8006
stuck = [accept_nobody((address, FULL)) for address in sys.argv[1:]]
for carrier, port in SERVERS:
    for address in sys.argv[1:]:  # an answer by UDP comes from the address that was asked
        at = address, port
        server = Tcp(at, Stream) if carrier == "tcp" else socketserver.UDPServer(at, Datagram)
        threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
