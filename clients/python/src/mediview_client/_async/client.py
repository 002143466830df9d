"""The client: one object for a node, with a member for each subject."""

from types import TracebackType

import httpx

from mediview_client._async.events import AsyncEvents
from mediview_client._async.findings import AsyncFindings
from mediview_client._async.http import AsyncHttp
from mediview_client._async.images import AsyncImages
from mediview_client._async.jobs import AsyncJobs
from mediview_client._async.models import AsyncModels
from mediview_client._async.reports import AsyncReports
from mediview_client._async.studies import AsyncStudies
from mediview_client._async.uploads import AsyncUploads
from mediview_client._async.webhooks import AsyncWebhooks
from mediview_client._async.workitems import AsyncWorkitems
from mediview_client._async.worklist import AsyncWorklist

USER_AGENT = "mediview-client/0.1.0"


class AsyncMediView:
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"User-Agent": USER_AGENT}
            | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=timeout_s,
            # To the bucket that has an instance; the key stays here.
            follow_redirects=True,
            verify=verify,
            transport=transport,
        )
        http = AsyncHttp(self._client, attempts)
        self.studies = AsyncStudies(http)
        self.findings = AsyncFindings(http)
        self.jobs = AsyncJobs(http)
        self.reports = AsyncReports(http)
        self.models = AsyncModels(http)
        self.uploads = AsyncUploads(http)
        self.images = AsyncImages(http)
        self.events = AsyncEvents(http)
        self.worklist = AsyncWorklist(http)
        self.webhooks = AsyncWebhooks(http)
        self.workitems = AsyncWorkitems(http)
        self.http = http
        """For what has no method here: `http.get("/api/v1/…")`, `http.post(…)`."""

    async def close(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> "AsyncMediView":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
