import itertools
import os
import random

import pytest

import road_kill
from redshift_cluster import DATABASE, Cluster
from road import Road
from road_redshift import RedshiftRoad
from server_mariadb import MariaDB
from server_postgres import PostgreSQL
from server_redshift import Redshift
from server_s3 import VersityGW
from servers import Servers
from waybill import PROGRAM, Route


def pytest_sessionstart(session):
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # where a test has no keys, none are looked for outside of this machine
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is missing: run make first, or say where it is in WAYBILL_BUILD", returncode=2)


LONGEST = ["test_redshift_cases", "test_replicas_mysql", "test_failover_mysql", "test_road_kill", "test_road", "test_signals", "test_road_extract_cases", "test_road_servers", "test_road_network",
           "test_road_parallel", "test_road_owners", "test_duckdb", "test_road_writers", "test_kill", "test_proj_db"]


def pytest_collection_modifyitems(items):
    """Several workers end at about the same time where the longest stories begin first."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture
def route(tmp_path):
    """Makes routes, and looks at each after the test: no output may hold a row's value."""
    made = []

    def make(tables, **pipeline):
        folder = tmp_path / f"route{len(made)}"
        folder.mkdir()
        made.append(Route(folder, tables, **pipeline))
        return made[-1]

    yield make
    for one in made:
        one.assert_nothing_planted()


# --- real servers: one of each for the whole session, started when a test first asks --------------------------------


@pytest.fixture(scope="session")
def servers():
    made = Servers()
    yield made
    made.close()


@pytest.fixture(scope="session")
def mariadb(servers):
    return servers.get(MariaDB)


@pytest.fixture(scope="session")
def postgres(servers):
    return servers.get(PostgreSQL)


@pytest.fixture(scope="session")
def s3(servers):
    return servers.get(VersityGW)


@pytest.fixture(scope="session")
def redshift(servers, postgres, s3):
    """The stand-in, serverless and with snapshot isolation; one of other options: servers.get(Redshift, name, ...)."""
    return servers.get(Redshift, postgres=postgres, s3=s3)


@pytest.fixture(scope="session")
def cluster_database(postgres):
    postgres.new_database(DATABASE)
    postgres.run("GRANT CREATE, TEMPORARY ON DATABASE standin TO loader")


@pytest.fixture
def cluster(redshift, s3, cluster_database):
    made = Cluster(redshift, s3)
    yield made
    made.sessions.close()


ROADS = itertools.count(1)


@pytest.fixture
def warehouses(tmp_path, mariadb, s3, postgres, redshift):
    """The same to Redshift's stand-in; another one than the session's: cluster=, and the store that it reads: store=."""
    made = []

    def make(tables, cluster=None, store=None, **pipeline):
        number = next(ROADS)
        folder = tmp_path / f"road{number}"
        folder.mkdir()
        made.append(RedshiftRoad(folder, f"road-{number}", mariadb, store or s3, postgres, cluster or redshift, tables, **pipeline))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.assert_nothing_planted()
        one.assert_no_secret()


@pytest.fixture
def roads(tmp_path, mariadb, s3, postgres):
    """Makes pipelines from MariaDB over S3 to PostgreSQL; after the test, nothing that must be hidden was said by any."""
    made = []

    def make(tables, store=None, **pipeline):
        number = next(ROADS)
        folder = tmp_path / f"road{number}"
        folder.mkdir()
        made.append(Road(folder, f"road-{number}", mariadb, store or s3, postgres, tables, **pipeline))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.assert_nothing_planted()
        one.assert_no_secret()


@pytest.fixture
def disturbed(tmp_path, servers, s3):
    """A road whose parts die (road_kill.py): small, and without much patience."""
    road = road_kill.new_road(tmp_path, f"disturbed-{next(ROADS)}", servers, s3)
    yield road_kill.Disturbed(road, random.Random(1), 12_000, 0.3, print)
    road.close()
    road.assert_nothing_planted()
    road.assert_no_secret()
