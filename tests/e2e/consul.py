#!/usr/bin/env python3
"""consul.py PORT FILE: answers /v1/health/service/NAME as Consul's documentation says of blocking queries; it is not Consul.

FILE holds {"index": 7, "passing": ["10.0.0.1:80", ...]} and is put in place by rename. A question with `index` of the present one waits until
that grows, or for `wait`; every answer has X-Consul-Index.
"""
import http.server
import json
import pathlib
import sys
import time
import urllib.parse

FILE = pathlib.Path(sys.argv[2])


class Agent(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        asked = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        until = time.monotonic() + float(asked.get("wait", ["300s"])[0].rstrip("s"))
        state = json.loads(FILE.read_text())
        while "index" in asked and state["index"] <= int(asked["index"][0]) and time.monotonic() < until:
            time.sleep(0.01)
            state = json.loads(FILE.read_text())
        status = 200 if url.path == "/v1/health/service/web" and "passing" in asked else 404
        body = json.dumps([self.entry(each) for each in state["passing"]] if status == 200 else []).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Consul-Index", str(state["index"]))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def entry(each):
        address, _, port = each.rpartition(":")
        return {"Node": {"Node": "n", "Address": "192.0.2.99"}, "Checks": [],
                "Service": {"ID": each, "Service": "web", "Tags": ["blue"], "Address": address, "Port": int(port),
                            "Weights": {"Passing": 2, "Warning": 1}}}

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Agent).serve_forever()
