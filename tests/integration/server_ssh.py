"""A bastion: sshd of OpenSSH on loopback, with keys of its own, for whoever runs the tests."""
import os
import pathlib
import pwd
import socket

from servers import Server, run


def make_key(path):
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    return path


class SSHD(Server):
    """Forwards, and nothing else: nobody gets a shell. Every login is a line of its log."""

    def __init__(self, folder):
        super().__init__(folder)
        self.account = pwd.getpwuid(os.getuid()).pw_name
        host = make_key(self.folder / "host_key")
        self.key = make_key(self.folder / "user_key")
        (self.folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        self.known_hosts = self.folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host.with_suffix('.pub').read_text()}")
        # The client's: in place of ~/.ssh/config.
        self.config = self.folder / "ssh_config"
        self.config.write_text(f"UserKnownHostsFile {self.known_hosts}\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n")
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {self.folder}/authorized_keys\n"
            f"PidFile {self.folder}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            "AllowTcpForwarding local\nPermitTTY no\nForceCommand /bin/false\nLogLevel VERBOSE\n")

    def command(self):
        if os.getuid() == 0:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its own, where the system's service has not run
        return ["/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "sshd_config"]

    def is_ready(self):
        with socket.socket() as probe:
            probe.settimeout(5)
            try:
                probe.connect(("127.0.0.1", self.port))
                return probe.recv(4) == b"SSH-"
            except OSError:
                return False

    def logins(self):
        return (self.folder / "log").read_text(errors="replace").count("Accepted publickey")

    def ssh(self, **options):
        """What a connection has under `ssh`."""
        return {"host": "127.0.0.1", "port": self.port, "user": self.account, "key": str(self.key), "config": str(self.config)} | options
