"""The tables of the queue's tests through npm's taskcluster-client."""

import unittest

from queue_ways import CLASSES
from ways import NodeWay, over

# Parameters that the client refuses itself; bodies byte by byte, paths that meet no method, and a
# body where a method takes none.
MARKS = {
    "Creation.test_repeats_with_a_key_twice": {"the rest, from: raw of a request": 1},
    "Metadata.test_a_queue_is_known_once_it_is_asked": {
        "the rest, from: a request of no method": 1,
    },
    "Metadata.test_pages": {
        "listProvisioners.unknown: no such parameter": 1,
        "listTaskQueues.unknown: no such parameter": 1,
        "listWorkerTypes.unknown: no such parameter": 1,
        "listWorkers.unknown: no such parameter": 1,
    },
    "Search.test_refusals": {"listTasks.unknown: no such parameter": 1},
    "Transitions.test_legacy_report": {"the rest, from: reportCompleted: a body": 1},
}

globals().update(over(NodeWay, MARKS, *CLASSES))

if __name__ == "__main__":
    unittest.main()
