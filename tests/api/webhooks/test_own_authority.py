"""A receiver whose certificate the hospital's own authority signed."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from inference.webhooks.posting import post_to
from storage.settings import load_settings
from tests.dicom_node.certificates import Authority


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_it_is_trusted_where_the_setting_names_the_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("receiver")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Takes)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"https://127.0.0.1:{server.server_port}/hook"
        common = {"data_dir": tmp_path, "webhook_hosts": ("127.0.0.1",)}
        for settings, ok, sentence in (
            (load_settings(**common, tls_ca=authority.certificate), True, "It answered HTTP 204."),
            (
                load_settings(**common),
                False,
                "It could not be reached (its certificate is not trusted; MEDIVIEW_TLS_CA names"
                " the site's authority).",
            ),
        ):
            answered = post_to(settings, url, {}, b"{}")
            assert (answered.ok, answered.sentence) == (ok, sentence)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
