"""An HTTP server in front of another one. It may speak TLS and ask its clients for a certificate, refuses what it is told to, keeps
what it was asked, and passes everything else on as it came.

    with Relay(server.port, tls=certificate(folder), clients=authority) as front: ...
"""
import contextlib
import http.client
import http.server
import socket
import ssl
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def relay(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        refused = self.server.refuse and self.server.refuse(self.headers, body)
        if refused:
            self.answer(403, [], refused.encode())
            return
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)) as behind:
            behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                behind.putheader(name, value)
            behind.endheaders(body)
            answer = behind.getresponse()
            self.answer(answer.status, answer.getheaders(), answer.read())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = relay

    def answer(self, status, headers, body):
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if self.command == "HEAD" and name.lower() == "content-length":
                length = value
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored):
        pass


class Relay(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind, tls=None, clients=None, refuse=None):
        """`tls`: (certificate, key, its authority); `clients`: who signs certificates of clients; `refuse(headers, body)`: an answer, or None."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind, self.refuse, self.asked, self.context = behind, refuse, [], None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(tls[0], tls[1])
        if clients:
            self.context.load_verify_locations(clients)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def finish_request(self, request, address):
        """In the connection's own thread: a handshake that fails ends that connection alone."""
        request.settimeout(60)
        if self.context:
            request = self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        try:
            if self.context:
                request.do_handshake()
            self.RequestHandlerClass(request, address, self)
        finally:
            self.end_politely(request)

    @staticmethod
    def end_politely(request):
        """What the client still sends is read: a reset would overtake what it was told."""
        with contextlib.suppress(OSError), request:
            socket.socket.shutdown(request, socket.SHUT_WR)
            while socket.socket.recv(request, 65536):
                pass

    def handle_error(self, request, address):
        pass

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
