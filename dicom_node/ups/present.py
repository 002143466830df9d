"""The workitems that there are when somebody subscribes to all of them, or to those of a filter."""

from dicom_node.ups.matching import Matcher
from storage.ups.search import Listed, WorkitemList

# What is recent, not years of ended items.
_AT_MOST = 5000


def present_items(workitem_list: WorkitemList, matcher: Matcher) -> list[Listed]:
    """Those whose present state is reported at once."""
    present: list[Listed] = []
    for item in workitem_list.all(matcher.narrowed()):
        if matcher.matches(item.attributes, item.study_instance_uid):
            present.append(item)
        if len(present) == _AT_MOST:
            break
    return present
