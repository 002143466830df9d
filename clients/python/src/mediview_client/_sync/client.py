# Made from _async/client.py by scripts/generate.py.
"""The client: one object for a node, with a member for each subject."""

from types import TracebackType

import httpx

from mediview_client._sync.events import Events
from mediview_client._sync.findings import Findings
from mediview_client._sync.http import Http
from mediview_client._sync.images import Images
from mediview_client._sync.jobs import Jobs
from mediview_client._sync.models import Models
from mediview_client._sync.reports import Reports
from mediview_client._sync.studies import Studies
from mediview_client._sync.uploads import Uploads
from mediview_client._sync.webhooks import Webhooks
from mediview_client._sync.workitems import Workitems
from mediview_client._sync.worklist import Worklist

USER_AGENT = "mediview-client/0.1.0"


class MediView:
    """A MediViewAI node.

    `url` is its address, such as https://mediview.example.org, and `key` an API key
    (`mediview keys create NAME --role radiologist`). `transport` is for tests and proxies of
    one's own. Requests that are safe to repeat are tried `attempts` times.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        attempts: int = 4,
        timeout_s: float = 60.0,
        verify: bool | str = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"User-Agent": USER_AGENT}
            | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=timeout_s,
            # To the bucket that has an instance; the key stays here.
            follow_redirects=True,
            verify=verify,
            transport=transport,
        )
        http = Http(self._client, attempts)
        self.studies = Studies(http)
        self.findings = Findings(http)
        self.jobs = Jobs(http)
        self.reports = Reports(http)
        self.models = Models(http)
        self.uploads = Uploads(http)
        self.images = Images(http)
        self.events = Events(http)
        self.worklist = Worklist(http)
        self.webhooks = Webhooks(http)
        self.workitems = Workitems(http)
        self.http = http
        """For what has no method here: `http.get("/api/v1/…")`, `http.post(…)`."""

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> "MediView":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
