"""What the addresses about one's own sessions answer."""

from datetime import datetime

from pydantic import Field

from api.base_schemas import Payload
from storage.accounts.sessions import SessionEntry


class OwnSession(Payload):
    session_id: str
    is_this: bool = Field(description="The one that asks.")
    address: str
    user_agent: str = Field(description="What the browser calls itself.")
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, entry: SessionEntry, this: str) -> "OwnSession":
        return cls(
            session_id=entry.session_id,
            is_this=entry.token_hash == this,
            address=entry.address,
            user_agent=entry.user_agent,
            created_at=entry.created_at,
            last_seen_at=entry.last_seen_at,
            expires_at=entry.expires_at,
        )


class OwnSessions(Payload):
    items: list[OwnSession]


class EndedSessions(Payload):
    ended: int
