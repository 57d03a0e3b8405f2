"""moto: what imitates AWS's other services here. It checks no signature; that is done elsewhere (test_sigv4, real S3 servers)."""
import sys
import urllib.request

import boto3

from servers import Server


class Moto(Server):
    region = "us-east-1"

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def command(self):
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.endpoint + "/moto-api/data.json", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, aws_access_key_id="KEY", aws_secret_access_key="secret", region_name=self.region)
