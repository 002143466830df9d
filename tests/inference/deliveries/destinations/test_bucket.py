"""Results go to a bucket of Ceph's S3, and are proven by what the server says it holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from inference.deliveries.destinations import bucket, bucket_client, open_destination, probe_peer
from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.settings import load_settings
from tests.inference.deliveries.destinations.nodes import deliveries, node, with_results
from tests.servers import S3Server
from tests.services import free_port


def peer_of(server: S3Server, name: str) -> KnownPeer:
    return KnownPeer(
        "store",
        kind="bucket",
        url=f"s3+{server.endpoint_url}/{name}/from/node",
        token=f"{server.access_key_id}:{server.secret_access_key}",
        is_destination=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("parts", [False, True], ids=["in one piece", "in parts"])
def test_a_bucket_gets_each_instance_whole(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, parts: bool
) -> None:
    if parts:
        # Of an object in parts the server's ETag is no digest of its bytes.
        monkeypatch.setattr(bucket_client, "_PART_BYTES", 1)
    name = s3_server.new_bucket()
    peer = peer_of(s3_server, name)
    with node(tmp_path, peer, bucket_hosts="127.0.0.1") as storage:
        results = with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
        there = s3_server.client()
        for one in results:
            key = f"from/node/{one.study_instance_uid}/{one.series_instance_uid}/"
            stored = there.get_object(Bucket=name, Key=f"{key}{one.sop_instance_uid}.dcm")
            assert stored["Body"].read() == storage.instances.read(one)
        assert probe_peer(storage, peer).ok
        # Another object of the same size under the key is no proof.
        other = bytearray(storage.instances.read(results[0]))
        other[-1] ^= 1
        first = results[0]
        key = f"from/node/{first.study_instance_uid}/{first.series_instance_uid}/"
        there.put_object(Bucket=name, Key=f"{key}{first.sop_instance_uid}.dcm", Body=bytes(other))
        held = open_destination(storage, peer).listed(results)
        assert held == {results[1].sop_instance_uid}
        there.close()


def test_what_is_wrong_with_a_bucket_is_named(tmp_path: Path, s3_server: S3Server) -> None:
    peer = peer_of(s3_server, "no-such-bucket-here")
    with node(tmp_path, peer, bucket_hosts="127.0.0.1") as storage:
        assert "there is no bucket of that name" in probe_peer(storage, peer).sentence
        wrong = replace(peer_of(s3_server, s3_server.new_bucket()), token="testkey:wrong")
        assert "does not accept the keys" in probe_peer(storage, wrong).sentence
        gone = replace(wrong, url=f"s3+http://127.0.0.1:{free_port()}/bucket")
        result = with_results(storage)[0]
        (outcome,) = open_destination(storage, gone).send([result])
        assert not outcome.reached
        assert "cannot be used" in outcome.error
        assert "wrong" not in outcome.error


@pytest.mark.parametrize(
    ("url", "token", "complaint"),
    [
        ("s3+https://elsewhere.example.org/bucket", "a:b", "MEDIVIEW_BUCKET_HOSTS"),
        ("s3+https://s3.example.org/bucket", "a", "token"),
        ("s3+https://s3.example.org/", "a:b", "url"),
        ("s3+https://s3.example.org/bucket/../other", "a:b", "url"),
        ("s3+http://s3.example.org/bucket", "a:b", "unencrypted"),
        ("https://s3.example.org/bucket", "a:b", "url"),
    ],
)
def test_a_wrong_entry_is_refused(url: str, token: str, complaint: str) -> None:
    peer = KnownPeer("store", kind="bucket", url=url, token=token)
    settings = load_settings(bucket_hosts="s3.example.org")
    with pytest.raises(InvalidRequest) as refused:
        bucket.KIND.check(peer, settings)
    assert complaint in f"{refused.value.message} {refused.value.remedy}"
