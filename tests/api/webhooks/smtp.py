"""A small SMTP server (RFC 5321) with STARTTLS and AUTH, which misbehaves on request."""

import base64
import contextlib
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP


@dataclass
class SmtpServer:
    """`answers`: what is answered to a verb, such as `{"RCPT": "550 no such user"}`.

    `hangs_at`, `drips_at`: the verb after which nothing more comes, or a line without end.
    `cuts_after_data`: connections that are ended after a message, before it is answered.
    """

    port: int = 0
    context: ssl.SSLContext | None = None
    password: str = ""
    size: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    hangs_at: str = ""
    drips_at: str = ""
    cuts_after_data: int = 0
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(one, policy=SMTP) for one in self.raw]  # type: ignore[arg-type, return-value]

    @property
    def texts(self) -> list[str]:
        return [str(one.get_content()) for one in self.mails]


class _Session(socketserver.StreamRequestHandler):
    timeout = 20

    def handle(self) -> None:
        smtp: SmtpServer = self.server.smtp  # type: ignore[attr-defined]
        self.is_encrypted = False
        if self.is_stuck(smtp, "CONNECT"):
            return
        self.say("220 mail.hospital.example ESMTP")
        recipient = ""
        while line := self.rfile.readline(2048):
            verb, _, rest = line.decode("ascii").strip().partition(" ")
            verb = verb.upper()
            if self.is_stuck(smtp, verb):
                return
            if verb in smtp.answers:
                self.say(smtp.answers[verb])
            elif verb == "EHLO":
                self.greet(smtp)
            elif verb == "STARTTLS" and smtp.context is not None:
                self.say("220 go ahead")
                self.encrypt(smtp.context)
            elif verb == "AUTH":
                right = base64.b64encode(b"\0node\0" + smtp.password.encode()).decode()
                self.say("235 ok" if rest == f"PLAIN {right}" else "535 wrong password")
            elif verb == "DATA":
                self.say("354 end with a dot")
                content = self.content()
                smtp.raw.append(content)
                smtp.recipients.append(recipient)
                smtp.encrypted.append(self.is_encrypted)
                if smtp.cuts_after_data:
                    smtp.cuts_after_data -= 1
                    return
                self.say(smtp.answers.get(".", "250 taken"))
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                recipient = rest if verb == "RCPT" else recipient
                self.say("250 ok")

    def greet(self, smtp: SmtpServer) -> None:
        features = ["mail.hospital.example", f"SIZE {smtp.size}"]
        if smtp.context is not None and not self.is_encrypted:
            features.append("STARTTLS")
        if smtp.password:
            features.append("AUTH PLAIN")
        for one in features:
            self.say(f"250-{one}")
        self.say("250 8BITMIME")

    def encrypt(self, context: ssl.SSLContext) -> None:
        self.rfile.close()
        self.wfile.close()
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.is_encrypted = True
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")  # type: ignore[assignment]

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        if self.is_encrypted:
            self.connection.close()

    def content(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def is_stuck(self, smtp: SmtpServer, verb: str) -> bool:
        if verb == smtp.hangs_at:
            self.rfile.readline()
            return True
        if verb == smtp.drips_at:
            for _ in range(200):
                self.say("250-more")
                time.sleep(0.05)
            return True
        return False

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away, which the test is about."""

    def finish_request(self, request: object, client_address: object) -> None:
        with contextlib.suppress(OSError):
            super().finish_request(request, client_address)  # type: ignore[arg-type]


@contextmanager
def smtp_server(**how: object) -> Iterator[SmtpServer]:
    made = SmtpServer(**how)  # type: ignore[arg-type]
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.smtp = made  # type: ignore[attr-defined]
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
