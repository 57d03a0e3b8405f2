"""Databases behind bastions (cases S30, S60): the whole road through real sshds, what becomes of it when they die, and
that nothing is left of a tunnel however its owner ended."""
import os
import pathlib
import re
import shutil
import signal
import time

import pytest

from server_ssh import SSHD, make_key
from servers import free_port

ROWS = 20000
TABLE = f"""CREATE TABLE things (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(100),
 updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (updated_at));
INSERT INTO things (note) SELECT CONCAT('thing ', seq) FROM seq_1_to_{ROWS};"""

pytestmark = pytest.mark.skipif(not os.path.exists("/usr/sbin/sshd") or shutil.which("ssh") is None, reason="no OpenSSH")


@pytest.fixture(scope="module")
def near(servers):
    return servers.get(SSHD, "near")


@pytest.fixture(scope="module")
def far(servers):
    return servers.get(SSHD, "far")


def behind(road, connection, bastion, **options):
    entry = road.connections[connection]
    for word in [word for word in entry if word.startswith("tls")]:
        del entry[word]
    entry["ssh"] = bastion.ssh(**options)
    road.write_config()


@pytest.fixture
def road(roads, near, far):
    """Both databases behind a bastion each; after the test no ssh of it runs, and no folder of a socket is left."""
    before = set(pathlib.Path("/tmp").glob("waybill-ssh-*"))
    made = roads({"things": {}}, lag="0s")
    made.in_source(TABLE)
    behind(made, "shop", near)
    behind(made, "dw", far)
    yield made
    assert_no_tunnels(near, far)
    assert set(pathlib.Path("/tmp").glob("waybill-ssh-*")) <= before


def tunnels(*bastions):
    """The pids of ssh programs that go to one of these."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else [b""]
        except OSError:
            continue
        if words[0] == b"ssh" and any(str(bastion.config).encode() in words for bastion in bastions):
            found.append(int(entry.name))
    return found


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def assert_no_tunnels(*bastions):
    until(lambda: tunnels(*bastions) == [])
    left = tunnels(*bastions)
    for pid in left:  # or the next one waits for it, too
        os.kill(pid, signal.SIGKILL)
    assert left == []


def test_s60_the_whole_road_goes_through_two_bastions_with_one_tunnel_each(road, near, far):
    logins = near.logins(), far.logins()
    road.sync()
    road.assert_equal()
    assert (near.logins() - logins[0], far.logins() - logins[1]) == (1, 1)  # shared by readers and sessions


def test_two_connections_may_share_a_bastion(road, near, far):
    behind(road, "dw", near)
    before = far.logins()
    road.sync()
    road.assert_equal()
    assert far.logins() == before


def test_postgresql_is_read_through_a_tunnel_too(road, near):
    road.connections["other"] = road.connections["dw"] | {"ssh": near.ssh()}
    road.write_config()
    assert road.run("connections", "info", "other").out.count("PostgreSQL") >= 1


def test_check_goes_through_the_tunnel_too(road):
    said = road.run("check").out
    assert said.count(" ok") == 3, said


def test_s30_a_bastion_that_dies_in_mid_run_is_a_failure_and_the_same_command_goes_on(road, near):
    running = road.start_sync()
    running.hold_at_arrow("extract")
    near.kill()  # first: a tunnel that is gone is opened again at once
    for pid in tunnels(near):  # what is connected lives in processes of their own
        os.kill(pid, signal.SIGKILL)
    try:
        road.finish(running, status=5)
    finally:
        near.start()
    road.sync()
    road.assert_equal()


def test_a_tunnel_that_was_killed_is_opened_again_in_the_same_run(road, near, far):
    before = far.logins()
    road.run("watermark", "list")
    running = road.start_sync()
    running.hold_at_arrow("begin")  # the target's tunnel is open, and used again for the load
    for pid in tunnels(far):
        os.kill(pid, signal.SIGKILL)
    road.finish(running)
    road.assert_equal()
    assert far.logins() - before >= 2


def test_s60_nothing_is_left_of_a_program_that_was_killed(road, near, far):
    running = road.start_sync()
    running.hold_at_arrow("extract")
    assert tunnels(near) and tunnels(far)
    running.kill()
    assert_no_tunnels(near, far)
    road.finish(running, status=None)
    road.sync()
    road.assert_equal()


def test_a_wrong_key_is_denied_and_told(road, near, tmp_path):
    behind(road, "shop", near, key=str(make_key(tmp_path / "other_key")))
    done = road.sync(status=8)
    assert "Permission denied" in done.err and "ssh.key" in done.err


def test_s60_a_key_that_others_may_read_is_refused_with_what_to_do(road, near, tmp_path):
    key = tmp_path / "open_key"
    shutil.copy(near.key, key)
    key.chmod(0o644)
    behind(road, "shop", near, key=str(key))
    assert f"chmod 600 '{key}'" in road.sync(status=8).err


def test_a_bastion_that_is_not_known_is_not_believed(road, near, tmp_path):
    config = tmp_path / "ssh_config"
    config.write_text("UserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n")
    behind(road, "shop", near, config=str(config))
    assert "Host key verification failed" in road.sync(status=8).err


def test_a_port_that_nobody_listens_on_is_told_from_the_bastions_own(road):
    road.connections["shop"]["port"] = free_port()
    road.write_config()
    assert "open failed" in road.sync(status=5).err
    road.connections["shop"]["ssh"]["port"] = free_port()
    road.write_config()
    done = road.sync(status=5)
    assert "Connection refused" in done.err and "open failed" not in done.err


def test_what_cannot_be_had_through_a_tunnel_is_refused(road):
    road.connections["shop"]["tls"] = "verify"
    road.write_config()
    assert "'ssh'" in road.sync(status=2).err


@pytest.fixture
def only_tls(road):
    """PostgreSQL lets nobody in from the network without TLS."""
    server = road.postgres
    rules = server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(re.sub(r"^host\b", "hostssl", before, flags=re.M))
    server.run("SELECT pg_reload_conf()")
    yield server
    rules.write_text(before)
    server.run("SELECT pg_reload_conf()")


def test_a_postgresql_that_wants_tls_is_reached_by_a_port_and_its_certificate_checked(road, only_tls):
    assert "tls: verify" in road.sync(status=8).err
    road.connections["dw"] |= {"tls": "verify", "tls_ca": str(only_tls.authority)}
    road.write_config()
    road.sync()
    road.assert_equal()
    road.connections["dw"]["tls_ca"] = str(road.mariadb.authority)
    road.write_config()
    assert "certificate" in road.sync(status=8).err
