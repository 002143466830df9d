"""One message to one recipient over SMTP (RFC 5321), in bounded time and with bounded answers."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from inference.webhooks.wording import PeopleMessage
from storage.core.clock import utcnow
from storage.core.text.outside_text import text_from_outside
from storage.core.untrusted_input.host_names import resolving
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.settings import Settings

_READY, _BYE = 220, 221
_ANSWERS_MAX_BYTES = 256 * 1024
_ANSWER_MAX_CHARACTERS = 200
_PERMANENT = 500


@dataclass(frozen=True)
class MailOutcome:
    """`is_final`: trying again would end the same; somebody has to change something first.

    `code`: that of the server's last answer, where there was one.
    """

    ok: bool
    sentence: str
    code: int | None = None
    is_final: bool = False


class _Refused(Exception):
    def __init__(self, outcome: MailOutcome) -> None:
        super().__init__(outcome.sentence)
        self.outcome = outcome


def send_mail(
    settings: Settings, recipient: str, message: PeopleMessage, message_id: str, *, urgent: bool
) -> MailOutcome:
    """Never raises for what the server or the network does.

    `message_id` stays the same when the message is sent again: a server that took it and ended
    the connection before it answered may get it twice, and mailboxes drop the double by it.
    """
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    if not settings.smtp_host:
        return MailOutcome(False, "MEDIVIEW_SMTP_HOST names no server for mail.")
    content = _encoded(settings, recipient, message, message_id, urgent=urgent)
    overdue = threading.Event()
    try:
        with _session(settings, overdue) as client:
            return _transfer(client, settings, recipient, content, where)
    except _Refused as refused:
        return refused.outcome
    except (smtplib.SMTPException, OSError, ValueError) as error:
        if overdue.is_set() or isinstance(error, TimeoutError):
            limit_s = settings.smtp_timeout_s
            return MailOutcome(False, f"{where} did not take it within {limit_s:g} s.")
        return _failure(error, where)


def _failure(error: Exception, where: str) -> MailOutcome:
    match error:
        case smtplib.SMTPAuthenticationError():
            answer = _answer(error.smtp_code, error.smtp_error)
            sentence = f"{where} does not accept MEDIVIEW_SMTP_USER and its password ({answer})."
            return MailOutcome(False, sentence, error.smtp_code)
        case smtplib.SMTPResponseException():
            answer = _answer(error.smtp_code, error.smtp_error)
            return MailOutcome(False, f"{where} answered {answer}.", error.smtp_code)
        case ssl.SSLCertVerificationError():
            sentence = (
                f"The certificate of {where} is not accepted: {error.verify_message}."
                " MEDIVIEW_SMTP_CA names who signs it."
            )
        case smtplib.SMTPServerDisconnected():
            sentence = f"{where} closed the connection."
        case _:
            sentence = f"{where} could not be reached ({type(error).__name__})."
    return MailOutcome(False, sentence)


def _encoded(
    settings: Settings, recipient: str, message: PeopleMessage, message_id: str, *, urgent: bool
) -> bytes:
    """Header fields of one line each, and text that no relay has to change (RFC 5322, 2045)."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = settings.smtp_from
    mail["To"] = recipient
    mail["Subject"] = text_from_outside(message.subject, 200)
    mail["Date"] = format_datetime(utcnow())
    mail["Message-ID"] = f"<{message_id}@{settings.smtp_from.rpartition('@')[2]}>"
    # No absence notice shall come back (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    if urgent:
        mail["Importance"] = "high"
    mail.set_content(message.plain_text(), cte="quoted-printable")
    return mail.as_bytes()


@contextmanager
def _session(settings: Settings, overdue: threading.Event) -> Iterator["_Client"]:
    """A greeted connection, encrypted and signed in as the settings say; cut when it is overdue."""
    limit_s = settings.smtp_timeout_s
    with resolving(settings.smtp_host):
        connection = socket.create_connection((settings.smtp_host, settings.smtp_port), limit_s)
    # Another handle of the same connection: that of the session becomes one of TLS on the way.
    watched = connection.dup()

    def cut() -> None:
        overdue.set()
        try:
            watched.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    watchdog = threading.Timer(limit_s, cut)
    watchdog.daemon = True
    watchdog.start()
    client: _Client | None = None
    try:
        context = _tls_context(settings)
        if settings.smtp_security == "tls":
            connection = context.wrap_socket(connection, server_hostname=settings.smtp_host)
        client = _Client(connection, settings.smtp_host, limit_s)
        client.greet()
        if settings.smtp_security == "starttls":
            _start_tls(client, context, settings)
        if settings.smtp_user:
            client.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        yield client
        client.quit()
    finally:
        watchdog.cancel()
        watched.close()
        if client is not None:
            client.close()
        connection.close()


def _tls_context(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.smtp_ca)
    except OSError as error:
        raise _Refused(
            MailOutcome(False, f"MEDIVIEW_SMTP_CA cannot be read ({type(error).__name__}).")
        ) from error


def _start_tls(client: "_Client", context: ssl.SSLContext, settings: Settings) -> None:
    """Never go on unencrypted: who is in the middle could have taken the offer away."""
    client.ehlo_or_helo_if_needed()
    if not client.has_extn("starttls"):
        raise _Refused(
            MailOutcome(
                False,
                f"{settings.smtp_host}:{settings.smtp_port} offers no STARTTLS;"
                " MEDIVIEW_SMTP_SECURITY asks for it.",
            )
        )
    code, answer = client.starttls(context=context)
    if code != _READY:
        raise smtplib.SMTPResponseException(code, answer)


def _transfer(
    client: "_Client", settings: Settings, recipient: str, content: bytes, where: str
) -> MailOutcome:
    client.ehlo_or_helo_if_needed()
    limit = read_whole_number(client.esmtp_features.get("size", "")) or 0
    if 0 < limit < len(content):
        words = f"{where} takes messages of {limit} bytes; this one has {len(content)}."
        return MailOutcome(False, words, is_final=True)
    code, answer = client.mail(settings.smtp_from)
    if code >= 400:
        raise smtplib.SMTPResponseException(code, answer)
    code, answer = client.rcpt(recipient)
    if code >= 400:
        return MailOutcome(
            False,
            f"{where} refused the recipient {recipient}: {_answer(code, answer)}.",
            code,
            is_final=code >= _PERMANENT,
        )
    # After the text its words are not repeated: they may quote it.
    try:
        code, _ = client.data(content)
    except smtplib.SMTPDataError as error:
        code = error.smtp_code
    if code >= 400:
        return MailOutcome(
            False,
            f"{where} did not take the message: {code}.",
            code,
            is_final=code >= _PERMANENT,
        )
    return MailOutcome(True, f"{where} has taken it for {recipient}.", code)


def _answer(code: int, text: Any) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"{code} {text_from_outside(words, _ANSWER_MAX_CHARACTERS)}".strip()


class _Client(smtplib.SMTP):
    """A session over a connection that is there already, whose answers have an end."""

    def __init__(self, connection: socket.socket, host: str, timeout_s: float) -> None:
        address = connection.getsockname()[0]
        literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        super().__init__(local_hostname=literal, timeout=timeout_s)
        self.sock = connection
        # What a certificate must name after STARTTLS.
        self._host = host

    def greet(self) -> None:
        code, answer = self.getreply()
        if code != _READY:
            raise smtplib.SMTPResponseException(code, answer)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Answers(self.sock.makefile("rb"))
        return super().getreply()

    def quit(self) -> tuple[int, bytes]:
        """The message is taken; how the session ends changes nothing of that."""
        try:
            return super().quit()
        except (smtplib.SMTPException, OSError):
            return _BYE, b""


class _Answers:
    """Lines of a server, which could go on for ever: "250-" means that more follow."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = _ANSWERS_MAX_BYTES

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the answers of the server have no end")
        return line

    def close(self) -> None:
        self._file.close()
