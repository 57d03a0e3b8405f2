"""Real servers for the tests: each a process of its own on a folder of its own, on loopback, gone when the tests are.

A server is ended by its pid only. It also ends when the tests are killed: `setpriv --pdeathsig` asks the kernel for it.
That is tied to the thread that started it, so one thread starts them all and lives as long as the tests.
"""
import concurrent.futures
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import tempfile
import time

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "waybill-tests"
STARTER = concurrent.futures.ThreadPoolExecutor(max_workers=1)
START_S = 60  # a machine that compiles beside it is slow


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, **options):
    """Runs a helper to its end; what it said stands in the error."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}"
    return done.stdout


class Server:
    """`command()` and `is_ready()` are each server's own; the rest is here. A restarted one keeps its port and its data."""

    user = None  # who it runs as, where root is not allowed to

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None
        self.environment = dict(os.environ)

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def as_user(self):
        """The words in front of a command that make it this server's user's, and the server's."""
        if self.user is None or os.getuid() != 0:
            return []
        who = pwd.getpwnam(self.user)
        return [f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]

    def spawn(self):
        return self.launch(self.command())

    def launch(self, command):
        words = ["setpriv", "--pdeathsig", "KILL", *self.as_user(), *command]
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                    env=self.environment, start_new_session=True)

    def start(self):
        """Returns when it answers. One that was killed may need a second try, until all that it left has ended, too."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self.process = STARTER.submit(self.spawn).result()
            while self.process.poll() is None and time.monotonic() < deadline:
                if self.is_ready():
                    return self
                time.sleep(0.05)
            time.sleep(0.2)
        said = (self.folder / "log").read_text(errors="replace")[-4000:]
        self.kill()
        raise AssertionError(f"{type(self).__name__} did not answer in {START_S} s\n{said}")

    def signal(self, number):
        os.kill(self.process.pid, number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self, timeout=30):
        """Asks it to end; one that does not is killed."""
        if self.process is None or self.process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """kill -9: of a server that is not there any more, too."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def discard(self):
        """Ends it when nobody wants its data any more."""
        self.stop()

    def restart(self):
        self.stop()
        return self.start()

    def crash(self):
        """kill -9 and start again."""
        self.kill()
        return self.start()


class Servers:
    """All servers of a session, started when first asked for, below one folder that a plain user can enter."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="waybill-servers-", ignore_cleanup_errors=True)
        self.folder = pathlib.Path(self.temporary.name)
        self.folder.chmod(0o755)
        self.made = {}

    def get(self, kind, name=None, **options):
        """The session's own of this kind; with a name, another one."""
        name = name or kind.__name__.lower()
        if name not in self.made:
            self.made[name] = kind(self.folder / name, **options)
            self.made[name].start()
        return self.made[name]

    def close(self):
        for server in reversed(self.made.values()):  # those that lean on others first
            server.discard()
        self.temporary.cleanup()


def certificate(folder, *names):
    """(certificate, key, authority) for localhost, 127.0.0.1 and more names, signed by an authority of this folder that nobody knows."""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    authority, key, request, cert = (folder / name for name in ("ca.pem", "key.pem", "request.pem", "cert.pem"))
    if not cert.exists():
        new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")
        run(*new, "-x509", "-days", "30", "-subj", "/CN=waybill tests", "-keyout", folder / "ca-key.pem", "-out", authority)
        run(*new, "-subj", "/CN=localhost", "-addext", f"subjectAltName={','.join(['DNS:localhost', 'IP:127.0.0.1', *(f'DNS:{name}' for name in names)])}",
            "-keyout", key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", folder / "ca-key.pem", "-CAcreateserial", "-days", "30",
            "-copy_extensions", "copy", "-out", cert)
    return cert, key, authority
