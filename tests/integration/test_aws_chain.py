"""AWS credentials: in the same environment, boto3 and this program find the same keys, or both find none.

Each row of TABLE is an environment with its profile files. A small server on this machine is STS, SSO, the container's agent and
EC2's metadata service at once. Its keys tell how they were got, so that the same keys mean the same way.
"""
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.parse

import pytest

from waybill import BUILD

TOOL = BUILD / "tests" / "conform" / "aws_tool"
# All environments in one process: importing takes longer than asking. Two paths of HOME are made when it is imported.
BOTO = """
import json, os, sys, botocore.credentials, botocore.session, botocore.tokens

def find(environment):
    os.environ.clear()
    os.environ.update(environment)
    for provider in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
        provider._SSO_TOKEN_CACHE_DIR = os.path.expanduser("~/.aws/sso/cache")
    try:
        keys = botocore.session.Session().get_credentials()
        keys = keys.get_frozen_credentials() if keys else None
    except Exception as why:
        return {"why": repr(why)}
    return keys and {"access_key": keys.access_key, "secret_key": keys.secret_key, "token": keys.token or None}

print(json.dumps([find(each) for each in json.load(sys.stdin)]))
"""
SECRET = "s3cret-of-aws"
EXPIRES = "2099-01-01T00:00:00Z"


class Amazon(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, status=200, kind="application/json"):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def keys(self, way):
        return {"Code": "Success", "AccessKeyId": way, "SecretAccessKey": SECRET, "Token": "token-" + way, "Expiration": EXPIRES}

    def do_PUT(self):
        if self.path == "/latest/api/token" and self.headers["x-aws-ec2-metadata-token-ttl-seconds"]:
            return self.answer("machine-token", kind="text/plain")
        self.answer("", 404)

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        asked = urllib.parse.parse_qs(url.query)
        if url.path.startswith("/latest/meta-data/"):
            if self.headers["x-aws-ec2-metadata-token"] != "machine-token":
                return self.answer("", 401)
            if url.path.endswith("/security-credentials/"):
                return self.answer("etl-role", kind="text/plain")
            return self.answer(json.dumps(self.keys("MACHINE") | {"Type": "AWS-HMAC"}))
        if url.path == "/container":
            return self.answer(json.dumps(self.keys("CONTAINER-" + (self.headers["Authorization"] or "open"))))
        if url.path == "/federation/credentials":
            if self.headers["x-amz-sso_bearer_token"] != "sso-token":
                return self.answer("{}", 401)
            way = f"SSO-{asked['account_id'][0]}-{asked['role_name'][0]}"
            return self.answer(json.dumps({"roleCredentials": {"accessKeyId": way, "secretAccessKey": SECRET, "sessionToken": "token-" + way,
                                                               "expiration": 4070908800000}}))
        self.answer("", 404)

    def do_POST(self):
        form = {k: v[0] for k, v in urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        action, signed = form["Action"], self.headers["Authorization"]
        who = signed.split("Credential=")[1].split("/")[0] if signed else form.get("WebIdentityToken")
        way = "-".join(filter(None, [form["RoleArn"].split("/")[-1], "by", who, form.get("ExternalId"), form.get("DurationSeconds")]))
        self.answer(f"<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><AssumedRoleUser><Arn>arn:aws:sts::1:x/y/z</Arn>"
                    f"<AssumedRoleId>a</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{way}</AccessKeyId><SecretAccessKey>{SECRET}"
                    f"</SecretAccessKey><SessionToken>token-{way}</SessionToken><Expiration>{EXPIRES}</Expiration></Credentials></{action}Result>"
                    f"</{action}Response>", kind="text/xml")

    def log_message(self, *ignored):
        pass


@pytest.fixture(scope="module")
def amazon():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Amazon)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


BASE = f"[base]\naws_access_key_id = BASE\naws_secret_access_key = {SECRET}\n"
DEFAULT = BASE.replace("base", "default").replace("BASE", "DEFAULT")
ROLE = "role_arn = arn:aws:iam::1:role/{}\n"
KEYS = {"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": SECRET}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/web", "AWS_ROLE_ARN": "arn:aws:iam::1:role/web"}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{amazon}/container"}
SSO = "sso_start_url = https://corp\nsso_region = eu-west-1\n"
PROCESS = "credential_process = {python} {home}/process.py 'a b'\n"

# what it is, the keys both must find (None: none), environment, ~/.aws/config, ~/.aws/credentials
TABLE = [
    ("nothing but the machine", "MACHINE", {}, "", ""),
    ("nothing, and the machine is off", None, {"AWS_EC2_METADATA_DISABLED": "true"}, "", ""),
    ("the environment before a profile", "ENV", KEYS, "", DEFAULT),
    ("the environment before web identity", "ENV", KEYS | WEB, "", ""),
    ("the environment before the profile of AWS_PROFILE", "ENV", KEYS | {"AWS_PROFILE": "base"}, "", BASE),
    ("keys of the credentials file", "DEFAULT", {}, "", DEFAULT),
    ("keys of the config file", "C", {}, f"[default]\naws_access_key_id = C\naws_secret_access_key = {SECRET}\n", ""),
    ("the credentials file before the config file", "DEFAULT", {}, f"[default]\naws_access_key_id = C\naws_secret_access_key = {SECRET}\n", DEFAULT),
    ("AWS_PROFILE", "BASE", {"AWS_PROFILE": "base"}, "", DEFAULT + BASE),
    ("a role before the profile's own keys", "app-by-BASE-xy-900", {"AWS_PROFILE": "app"},
     "[profile app]\n" + ROLE.format("app") + "source_profile = base\nexternal_id = xy\nduration_seconds = 900\n",
     BASE + BASE.replace("base", "app").replace("BASE", "OWN")),
    ("a role of a role", "two-by-one-by-BASE", {"AWS_PROFILE": "two"},
     "[profile two]\n" + ROLE.format("two") + "source_profile = one\n[profile one]\n" + ROLE.format("one") + "source_profile = base\n", BASE),
    ("a source profile's keys before its role", "two-by-ONE", {"AWS_PROFILE": "two"},
     "[profile two]\n" + ROLE.format("two") + "source_profile = one\n[profile one]\n" + ROLE.format("one") + "source_profile = base\n",
     BASE + BASE.replace("base", "one").replace("BASE", "ONE")),
    ("a role with its own profile's keys", "self-by-OWN", {"AWS_PROFILE": "self"},
     "[profile self]\n" + ROLE.format("self") + "source_profile = self\n", BASE.replace("base", "self").replace("BASE", "OWN")),
    ("a role with the container's keys", "app-by-CONTAINER-open", CONTAINER, "[default]\n" + ROLE.format("app") + "credential_source = EcsContainer\n", ""),
    ("a role with the machine's keys", "app-by-MACHINE", {}, "[default]\n" + ROLE.format("app") + "credential_source = Ec2InstanceMetadata\n", ""),
    ("a profile's role before web identity of the environment", "app-by-BASE", WEB, "[default]\n" + ROLE.format("app") + "source_profile = base\n", BASE),
    ("web identity of the environment before keys", "web-by-web-token", WEB, "", DEFAULT),
    ("web identity of a profile", "pod-by-web-token", {"AWS_PROFILE": "pod"},
     "[profile pod]\nweb_identity_token_file = {home}/web\n" + ROLE.format("pod"), ""),
    ("a role with keys of web identity", "app-by-pod-by-web-token", {"AWS_PROFILE": "app"},
     "[profile app]\n" + ROLE.format("app") + "source_profile = pod\n[profile pod]\nweb_identity_token_file = {home}/web\n" + ROLE.format("pod"), ""),
    ("SSO, older form", "SSO-1-Reader", {}, "[default]\nsso_account_id = 1\nsso_role_name = Reader\n" + SSO, ""),
    ("SSO by its session", "SSO-1-Reader", {"AWS_PROFILE": "s"},
     "[profile s]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Reader\n[sso-session corp]\n" + SSO, ""),
    ("SSO before keys", "SSO-1-Reader", {}, "[default]\nsso_account_id = 1\nsso_role_name = Reader\n" + SSO, DEFAULT),
    ("SSO, signed out", None, {}, "[default]\nsso_account_id = 1\nsso_role_name = Reader\n" + SSO.replace("corp", "away"), ""),
    ("a role with keys of SSO", "app-by-SSO-1-Reader", {"AWS_PROFILE": "app"},
     "[profile app]\n" + ROLE.format("app") + "source_profile = s\n[profile s]\nsso_account_id = 1\nsso_role_name = Reader\n" + SSO, ""),
    ("a process", "PROCESS-a b", {}, "[default]\n" + PROCESS, ""),
    ("the credentials file before a process", "DEFAULT", {}, "[default]\n" + PROCESS, DEFAULT),
    ("a process before keys of the config file", "PROCESS-a b", {},
     "[default]\n" + PROCESS + f"aws_access_key_id = C\naws_secret_access_key = {SECRET}\n", ""),
    ("a role with keys of a process", "app-by-PROCESS-a b", {"AWS_PROFILE": "app"},
     "[profile app]\n" + ROLE.format("app") + "source_profile = p\n[profile p]\n" + PROCESS, ""),
    ("a container before the machine", "CONTAINER-open", CONTAINER, "", ""),
    ("a container with a token", "CONTAINER-t", CONTAINER | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"}, "", ""),
    ("a container with a token in a file", "CONTAINER-web-token", CONTAINER | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/web"}, "", ""),
    ("a container that fails, and no machine instead", None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{amazon}/nowhere"}, "", ""),
    ("a profile without keys, and then the machine", "MACHINE", {}, "[default]\nregion = eu-west-1\n", ""),
    ("a circle", None, {"AWS_PROFILE": "a"}, "[profile a]\n" + ROLE.format("a") + "source_profile = b\n[profile b]\n" + ROLE.format("b") +
     "source_profile = a\n", ""),
]


def make_home(home, config, credentials, words):
    (home / ".aws" / "sso" / "cache").mkdir(parents=True)
    for text, name in (("https://corp", "old"), ("corp", "new")):
        path = home / ".aws" / "sso" / "cache" / (hashlib.sha1(text.encode()).hexdigest() + ".json")
        path.write_text(json.dumps({"accessToken": "sso-token", "expiresAt": EXPIRES, "startUrl": "https://corp", "region": "eu-west-1"}))
    (home / "web").write_text("web-token")
    (home / "process.py").write_text("import json, sys\nprint(json.dumps({'Version': 1, 'AccessKeyId': 'PROCESS-' + sys.argv[1], 'SecretAccessKey': "
                                     f"'{SECRET}', 'SessionToken': 'token-PROCESS-' + sys.argv[1], 'Expiration': '{EXPIRES}'}}))\n")
    (home / ".aws" / "config").write_text(config.format(**words))
    (home / ".aws" / "credentials").write_text(credentials)


@pytest.fixture(scope="module")
def worlds(amazon, tmp_path_factory):
    """The environment of each row, its files written, and what boto3 finds in it."""
    made = []
    for _, _, environment, config, credentials in TABLE:
        home = tmp_path_factory.mktemp("home")
        words = {"home": home, "amazon": amazon, "python": sys.executable}
        make_home(home, config, credentials, words)
        made.append({"PATH": os.environ["PATH"], "HOME": str(home), "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_SERVICE_ENDPOINT": amazon,
                     "AWS_ENDPOINT_URL_STS": amazon, "AWS_ENDPOINT_URL_SSO": amazon} | {name: value.format(**words) for name, value in environment.items()})
    done = subprocess.run([sys.executable, "-c", BOTO], input=json.dumps(made), stdout=subprocess.PIPE, text=True, check=True)
    return list(zip(made, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("row", range(len(TABLE)), ids=[row[0] for row in TABLE])
def test_this_program_and_boto3_find_the_same_keys(worlds, row):
    world, theirs = worlds[row]
    wanted = TABLE[row][1]
    ours = subprocess.run([TOOL], env=world, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert SECRET not in ours.stderr and "token-" not in ours.stderr
    if wanted is None:
        assert (theirs is None or "why" in theirs) and ours.returncode != 0 and ours.stdout == ""
        return
    assert ours.returncode == 0, ours.stderr
    mine = json.loads(ours.stdout)
    assert {name: mine[name] for name in ("access_key", "secret_key", "token")} == theirs
    assert mine["access_key"] == wanted
    assert SECRET not in mine["about"] and "token-" not in mine["about"]
