"""The database is lost; the volumes give back every instance."""

import pytest

from tests.e2e.support.fixtures import send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, localizer
from tests.processes import own_folder

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]


@pytest.mark.slow
def test_a_lost_database_is_rebuilt_from_the_volumes(head: SentStudy) -> None:
    with own_folder("lost") as folder:
        study = localizer(head.folder, folder / "studies")
        (folder / "node").mkdir()
        node = Node(folder / "node", {})
        try:
            node.start()
            send(node, study)
            assert node.interrupt() == 0
            for path in (folder / "node" / "data").glob("index.sqlite3*"):
                path.unlink()
            node.start()
            path = f"/dicom-web/studies/{study.study_instance_uid}/instances"
            found = {row["00080018"]["Value"][0] for row in node.get(path)}
            assert found == study.sop_instance_uids
        finally:
            node.close()
