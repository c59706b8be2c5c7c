#!/usr/bin/env python3
"""teller.py PORT FILE: says what is in FILE to whoever connects, and closes: a gmond that has nothing good to say."""
import pathlib
import socketserver
import sys


class Teller(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(pathlib.Path(sys.argv[2]).read_bytes())


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Teller).serve_forever()
