"""How long the texts in lists of a request may be; a text by itself says so at its field.

A list says how many it may have, or a body of 1 MiB makes an error of each of 300,000 items.
"""

from typing import Annotated

from pydantic import StringConstraints

UidText = Annotated[str, StringConstraints(max_length=64)]
"""A UID (PS3.5 9.1), whose form is checked later."""
CodeString = Annotated[str, StringConstraints(max_length=16)]
"""A CS as a modality (PS3.5 6.2)."""
PeerName = Annotated[str, StringConstraints(max_length=80)]
NetworkText = Annotated[str, StringConstraints(max_length=50)]
"""An address or a network of IPv4 or IPv6."""
CertificateText = Annotated[str, StringConstraints(max_length=1000)]
"""A fingerprint, or a subject alternative name, which may be an address of the web."""
ALL_ROLES = 20
"""More than there are roles, scopes, rights or kinds: each may be named more than once."""
CONDITIONS = 100
"""Names in a free object, such as the condition of an access group."""
