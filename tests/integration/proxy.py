"""A TCP proxy that does to a connection what networks do: cut it, stall it, slow it, swallow an answer, refuse it, or say 503.

    with Proxy(server.port) as proxy:
        proxy.fault = Cut(after=100_000)            # each connection from now on, until `fault = None`
        proxy.fault = once(Cut(after=0, way=DOWN))  # only the next one that carries so much

Bytes are counted per connection and way: UP is to the server, DOWN are its answers.
"""
import contextlib
import dataclasses
import socket
import struct
import threading
import time

UP, DOWN = "up", "down"
PIECE = 65536
BUSY = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"""


@dataclasses.dataclass
class Cut:
    """The connection is reset once `after` bytes went that way. Down and 0: an answer is swallowed whole."""
    after: int
    way: str = UP
    left: float = float("inf")  # how many connections it still hits


@dataclasses.dataclass
class Stall:
    """Once `after` bytes went that way, nothing moves any more; the connection stays."""
    after: int
    way: str = UP
    left: float = float("inf")


@dataclasses.dataclass
class Slow:
    """So many bytes each second pass that way."""
    per_second: int
    way: str = DOWN


class Refuse:
    """Every connection is reset at once."""


class Busy:
    """Whatever is asked is answered by 503 SlowDown."""


def once(fault):
    fault.left = 1
    return fault


def reset(connection):
    """An RST, not a polite end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Pipe:
    """The two ends of one connection, and how much went each way."""

    def __init__(self, proxy, client, server):
        self.proxy, self.ends, self.moved, self.open = proxy, {UP: (client, server), DOWN: (server, client)}, {UP: 0, DOWN: 0}, True

    def close(self):
        self.open = False
        for end in self.ends[UP]:
            reset(end)

    def hit(self, way, more):
        """How many of `more` bytes still go, and whether this connection's time has come."""
        fault = self.proxy.fault
        with self.proxy.lock:
            if not isinstance(fault, (Cut, Stall)) or fault.way != way or fault.left < 1 or self.moved[way] + more <= fault.after:
                return more, None
            fault.left -= 1
            self.proxy.hits += 1
        return max(fault.after - self.moved[way], 0), fault

    def read(self, source, way):
        """What there is to send; on a slow line little at a time."""
        fault = self.proxy.fault
        if not isinstance(fault, Slow) or fault.way != way:
            return source.recv(PIECE)
        time.sleep(0.02)
        return source.recv(max(fault.per_second // 50, 1))

    def pump(self, way):
        source, sink = self.ends[way]
        try:
            while self.open and (piece := self.read(source, way)):
                allowed, fault = self.hit(way, len(piece))
                sink.sendall(piece[:allowed])
                self.moved[way] += allowed
                if isinstance(fault, Stall):
                    self.proxy.wait_until_healed(fault, self)
                    break
                if fault:
                    break
            else:
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
                return
        except OSError:
            pass
        self.close()


class Proxy:
    """Listens on a port of its own from the start, and hands connections on to 127.0.0.1:`port`."""

    def __init__(self, port):
        self.target, self.fault, self.hits, self.lock, self.pipes = port, None, 0, threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        self.cut_all()

    def cut_all(self):
        """Every connection there is, now."""
        pipes, self.pipes = self.pipes, []
        for pipe in pipes:
            pipe.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        if isinstance(self.fault, Refuse):
            self.hits += 1
            reset(client)
        elif isinstance(self.fault, Busy):
            self.hits += 1
            self.say_busy(client)
        else:
            self.connect(client)

    def connect(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            reset(client)
            return
        pipe = Pipe(self, client, server)
        self.pipes = [one for one in self.pipes if one.open] + [pipe]
        threading.Thread(target=pipe.pump, args=[DOWN], daemon=True).start()
        pipe.pump(UP)

    @staticmethod
    def say_busy(client):
        """Answers before the body came, as servers do that have no time, and lets the client send what it likes."""
        with contextlib.suppress(OSError), client:
            client.recv(PIECE)
            client.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(BUSY), BUSY))
            client.shutdown(socket.SHUT_WR)
            while client.recv(PIECE):
                pass

    def wait_until_healed(self, fault, pipe):
        while pipe.open and self.fault is fault:
            time.sleep(0.05)
