"""python tests/standin/redshift --postgres postgresql://admin@127.0.0.1:5432/postgres --s3 http://127.0.0.1:7070 ... (README.md)"""
import argparse
import asyncio
import os
import pathlib
import ssl
import sys

if __package__ in (None, ""):  # run as a folder: its modules belong to a package
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])
    __package__ = "redshift"

from redshift.backend import Address  # noqa: E402
from redshift.doubts import DOUBTS, Doubts  # noqa: E402
from redshift.faults import parse  # noqa: E402
from redshift.objects import Store  # noqa: E402
from redshift.server import serve  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="redshift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--postgres", default=os.environ.get("STANDIN_POSTGRES"), metavar="URL",
        help="an administrator's, of the server where data rests; clients log in there with names and passwords of their own; also STANDIN_POSTGRES")
    add("--s3", metavar="URL", required=True, help="endpoint of the store that COPY reads")
    add("--s3-ca", metavar="FILE", help="certificate authority of an https endpoint")
    add("--region", default="us-east-1", help="of the cluster, and so of all buckets")
    add("--elsewhere", action="append", default=[], metavar="BUCKET", help="a bucket of another region: COPY cannot read it")
    add("--role", action="append", default=[], metavar="ARN=KEY:SECRET[:TOKEN]",
        help="what IAM_ROLE 'ARN' reads the store with; ARN may be `default`. Also STANDIN_ROLES, separated by spaces")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0: any; the first line on standard output tells")
    add("--control-port", type=int, help="HTTP, for faults; 0: any")
    add("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="offer TLS")
    add("--idle-session", type=float, default=3600, metavar="SECONDS", help="after which an idle session is ended")
    add("--idle-transaction", type=float, default=21600, metavar="SECONDS", help="after which a session that is idle in a transaction is ended")
    add("--isolation", choices=["snapshot", "serializable"], default="snapshot")
    add("--edition", choices=["serverless", "provisioned"], default="serverless", help="serverless denies stl_, stv_ and svl_ views to ordinary users")
    add("--deny", action="append", default=[], metavar="VIEW", help="42501 for this system view")
    add("--views-delay", type=float, default=0, metavar="SECONDS", help="how long system views take")
    add("--server-version", default="8.0.2")
    add("--fault", action="append", default=[], metavar="LINE", help="something that goes wrong: see README.md")
    add("--accept", action="append", default=[], choices=sorted(DOUBTS), metavar="DOUBT", help="one of: " + ", ".join(sorted(DOUBTS)))
    add("--refuse", action="append", default=[], choices=sorted(DOUBTS), metavar="DOUBT", help="likewise")
    add("--verbose", action="store_true", help="each statement on standard error, without secrets")
    options = parser.parse_args()
    if not options.postgres:
        parser.error("--postgres is missing")
    for line in options.fault:
        try:
            parse(line)
        except ValueError as error:
            parser.error(str(error))
    return options


def roles(words):
    found = {}
    for word in [*words, *os.environ.get("STANDIN_ROLES", "").split()]:
        arn, equals, keys = word.partition("=")
        key, colon, secret = keys.partition(":")
        secret, _, token = secret.partition(":")
        if not equals or not colon:
            sys.exit("redshift stand-in: --role wants ARN=KEY:SECRET, or ARN=KEY:SECRET:TOKEN")
        found[arn] = (key, secret, token or None)
    return found


def main():
    options = arguments()
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    tls = None
    if options.tls:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*options.tls)
    store = Store(options.s3, options.region, roles(options.role), options.s3_ca, options.elsewhere)
    try:
        asyncio.run(serve(options, Address(options.postgres), store, Doubts(options.accept, options.refuse), tls))
    except KeyboardInterrupt:
        pass


main()
