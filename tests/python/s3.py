"""moto's S3, with what it leaves out: signatures are checked (by botocore), buckets have regions and payers.

Buckets, all with the object `a b/c+d.bin`: open (anybody), keyed (whoever signs), far (signed for its region),
paid (signed, and the requester pays). Prints its URL, and serves until its input ends.
"""

import sys
import threading
from urllib.parse import parse_qsl

import boto3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KEY, SECRET, TOKEN = "AKIDEMO", "demo/secret+key", "demo/token=="
REGIONS = {"far": "eu-west-3"}
OBJECT = bytes((at * 2654435761 & 0xFFFFFFFF) >> 24 for at in range(300_000))


def refusal(environ):
    """Why a request is refused: status, code, headers. None where it may pass."""
    bucket = environ["PATH_INFO"].strip("/").split("/")[0]
    region = REGIONS.get(bucket, "us-east-1")
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    if "X-Amz-Signature" not in query:
        return None if bucket == "open" else ("403 Forbidden", "AccessDenied", [])
    scope = query["X-Amz-Credential"].split("/")
    if scope[2] != region:
        where = [("x-amz-bucket-region", region)]
        return ("400 Bad Request", "AuthorizationQueryParametersError", where)
    if scope[0] != KEY or query.get("X-Amz-Security-Token") != TOKEN:
        return ("403 Forbidden", "InvalidAccessKeyId", [])
    signed = query["X-Amz-SignedHeaders"].split(";")
    headers = {name: environ["HTTP_" + name.upper().replace("-", "_")] for name in signed if name != "host"}
    path = environ["RAW_URI"].split("?")[0]
    url = f"http://{environ['HTTP_HOST']}{path}"
    request = AWSRequest(environ["REQUEST_METHOD"], url, headers=headers)
    request.context["timestamp"] = query["X-Amz-Date"]
    signer = S3SigV4QueryAuth(Credentials(KEY, SECRET, TOKEN), "s3", region, expires=int(query["X-Amz-Expires"]))
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    if signer.signature(signer.string_to_sign(request, canonical), request) != query["X-Amz-Signature"]:
        return ("403 Forbidden", "SignatureDoesNotMatch", [])
    if bucket == "paid" and headers.get("x-amz-request-payer") != "requester":
        return ("403 Forbidden", "AccessDenied", [])
    return None


class Strict:
    """The application, asked only by those who may."""

    def __init__(self, application):
        self.application, self.armed = application, False

    def __call__(self, environ, start_response):
        why = refusal(environ) if self.armed else None
        if why is None:
            return self.application(environ, start_response)
        status, code, headers = why
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body))), *headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


def main():
    application = Strict(create_backend_app("s3"))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )
    for bucket in ["open", "keyed", "far", "paid"]:
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key="a b/c+d.bin", Body=OBJECT, ACL="public-read")
    application.armed = True
    print(url, flush=True)
    sys.stdin.read()


main()
