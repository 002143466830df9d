"""The Warning header, in one form on every answer (RFC 7234 5.5, PS3.18 8.4)."""


def warning_of(service: str, sentence: str) -> str:
    """299 is any warning; `service` is the address of what warns."""
    return f'299 {service} "{_quotable(sentence)}"'


def _quotable(sentence: str) -> str:
    """What may stand between quotation marks in a header (RFC 9110 5.6.4)."""
    plain = sentence.encode("ascii", "replace").decode()
    return "".join(one for one in plain if one.isprintable() and one not in '"\\')
