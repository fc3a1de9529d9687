"""Puts the XML uploads of Google Cloud Storage in front of fake-gcs-server, which only knows the JSON ones.

It also knows no keys with encoded slashes, and no conditions of uploads in headers.

Usage: gcs_shim.py PORT_OF_THE_SERVER OWN_PORT
"""

import http.client
import http.server
import json
import sys
import urllib.parse

SERVER = ("127.0.0.1", int(sys.argv[1]))
HOP_BY_HOP = ("host", "content-length", "transfer-encoding", "connection")


class Shim(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def forward(self, method, path, body, headers):
        server = http.client.HTTPConnection(*SERVER)
        server.request(method, path, body, headers)
        answer = server.getresponse()
        return answer.status, answer.getheaders(), answer.read()

    def reply(self, status, headers, body):
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        url = urllib.parse.urlsplit(self.path)
        bucket, _, key = url.path.lstrip("/").partition("/")
        if self.command == "PUT" and key and not url.query and "x-goog-copy-source" not in self.headers:
            query = {"uploadType": "media", "name": urllib.parse.unquote(key)}
            if "x-goog-if-generation-match" in self.headers:
                query["ifGenerationMatch"] = self.headers["x-goog-if-generation-match"]
            path = f"/upload/storage/v1/b/{bucket}/o?" + urllib.parse.urlencode(query)
            kind = self.headers.get("Content-Type") or "application/octet-stream"
            status, headers, body = self.forward("POST", path, body, {"Content-Type": kind})
            if status == 200:
                made = json.loads(body)
                etag = '"%s"' % made.get("etag", "x").strip('"')
                headers, body = [("ETag", etag), ("x-goog-generation", str(made.get("generation", "1")))], b""
            return self.reply(status, headers, body)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        path = "/" + bucket + ("/" + urllib.parse.quote(urllib.parse.unquote(key)) if key else "")
        self.reply(*self.forward(self.command, urllib.parse.urlunsplit(("", "", path, url.query, "")), body, headers))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Shim).serve_forever()
