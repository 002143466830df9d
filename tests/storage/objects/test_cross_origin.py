"""The viewer's pages may send uploads to the bucket: a browser asks the bucket's server before."""

import urllib.error
import urllib.request

import pytest
from pydantic import SecretStr

from storage.objects.cross_origin import let_pages_in
from storage.settings import Settings
from tests.servers import S3Server
from tests.services import free_port

PAGES = "https://mediview.example.org"


def settings_of(server: S3Server, bucket: str) -> Settings:
    return Settings(
        object_store="s3",
        s3_endpoint_url=server.endpoint_url,
        s3_bucket=bucket,
        s3_access_key_id=server.access_key_id,
        s3_secret_access_key=SecretStr(server.secret_access_key),
        public_url=f"{PAGES}/",
        cors_origins=("https://ohif.example.org",),
    )


def preflight(settings: Settings, origin: str) -> str:
    """The origin that may send a part, as the bucket's server answers a browser; empty: refused."""
    request = urllib.request.Request(
        f"{settings.s3_endpoint_url}/{settings.s3_bucket}/uploads/one",
        method="OPTIONS",
        headers={"Origin": origin, "Access-Control-Request-Method": "PUT"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.headers.get("Access-Control-Allow-Origin", ""))
    except urllib.error.HTTPError:
        return ""


def test_pages_of_the_node_may_send_uploads_and_those_of_strangers_may_not(
    s3_server: S3Server,
) -> None:
    settings = settings_of(s3_server, s3_server.new_bucket())
    assert not preflight(settings, PAGES)
    assert let_pages_in(settings)
    assert preflight(settings, PAGES) == PAGES
    assert preflight(settings, "https://ohif.example.org") == "https://ohif.example.org"
    assert not preflight(settings, "https://elsewhere.example.org")


def test_rules_of_the_site_stay(s3_server: S3Server) -> None:
    settings = settings_of(s3_server, s3_server.new_bucket())
    client = s3_server.client()
    rule = {"AllowedOrigins": ["https://own.example.org"], "AllowedMethods": ["GET"]}
    client.put_bucket_cors(Bucket=settings.s3_bucket, CORSConfiguration={"CORSRules": [rule]})
    assert not let_pages_in(settings)
    kept = client.get_bucket_cors(Bucket=settings.s3_bucket)["CORSRules"]
    assert [one["AllowedOrigins"] for one in kept] == [["https://own.example.org"]]
    assert not preflight(settings, PAGES)
    client.close()


def test_a_server_that_takes_no_rules_stops_no_node(
    s3_server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(s3_server, "there-is-none")
    assert not let_pages_in(settings)
    away = settings.model_copy(update={"s3_endpoint_url": f"http://127.0.0.1:{free_port()}"})
    assert not let_pages_in(away)
    assert capsys.readouterr().out.count("bucket_cors_not_set") == 2
