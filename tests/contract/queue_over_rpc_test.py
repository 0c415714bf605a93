"""The tables of the queue's tests over Cap'n Proto RPC."""

import unittest

from queue_ways import CLASSES
from ways import RpcWay, over

# Where a structure has no room for what JSON may hold: a property or parameter that is unknown, a
# word, number or time that is none. And what is HTTP's alone: bodies byte by byte, paths that meet
# no method, a body where a method takes none, and why an error artifact has no bytes (424).
MARKS = {
    "Artifacts.test_kinds": {
        "getArtifact: why there are no bytes": 1,
        "getLatestArtifact: why there are no bytes": 1,
    },
    "Artifacts.test_refusals": {
        "createArtifact.contentLength: -1 is how it is left out": 1,
        "createArtifact.expires: 'never' is no time": 1,
        "createArtifact.more: no such field": 1,
        "createArtifact.reason: no such word: 'because'": 1,
        "createArtifact.storageType: no such kind: 'none'": 1,
    },
    "Claims.test_claim_task": {
        "claimTask.runId: 'x' is no number": 1,
        "claimTask.tasks: no such field": 1,
    },
    "Claims.test_limits_of_a_call": {"claimWork.more: no such field": 1},
    "Claims.test_refused_quarantines": {"quarantineWorker.quarantineUntil: 'soon' is no time": 1},
    "Creation.test_refusals": {
        "createTask.created: 'yesterday' is no time": 1,
        "createTask.metadata.more: no such field": 1,
        "createTask.metadata.name: 1 is no text": 1,
        "createTask.metadata: is no object": 1,
        "createTask.priority: no such word: 'normal'": 1,
        "createTask.requires: no such word: 'some'": 1,
        "createTask.tags.value: 1 is no text": 1,
        "createTask.unknown: no such field": 1,
    },
    "Creation.test_repeats_with_a_key_twice": {"the rest, from: raw of a request": 1},
    "Creation.test_times_in_other_forms": {
        "createTask.deadline: a time of another form": 6,
        "createTask.expires: '2999-01-01T12:00:60Z' is no time": 1,
        "createTask.expires: '2999-01-01T24:00:00Z' is no time": 1,
        "createTask.expires: '2999-02-29T00:00:00Z' is no time": 1,
        "createTask.expires: '2999-13-01T00:00:00Z' is no time": 1,
        "createTask.expires: 1 is no time": 1,
        "createTask.expires: a time of another form": 2,
    },
    "Creation.test_what_errors_repeat": {
        "createTask.created: a time of another form": 1,
        "the rest, from: createTask.created: a time of another form": 1,
    },
    "Metadata.test_a_queue_is_known_once_it_is_asked": {
        "the rest, from: a request of no method": 1,
    },
    "Metadata.test_declared_workers": {
        "declareWorker.expires: 'soon' is no time": 1,
        "declareWorker.more: no such field": 2,
    },
    "Metadata.test_groups": {"changeTaskGroupPriority.newPriority: no such word: 'normal'": 1},
    "Metadata.test_pages": {
        "listProvisioners.limit: 'x' is no number": 1,
        "listProvisioners.unknown: no such parameter": 1,
        "listTaskQueues.limit: 'x' is no number": 1,
        "listTaskQueues.unknown: no such parameter": 1,
        "listWorkerTypes.limit: 'x' is no number": 1,
        "listWorkerTypes.unknown: no such parameter": 1,
        "listWorkers.limit: 'x' is no number": 1,
        "listWorkers.unknown: no such parameter": 1,
    },
    "Priority.test_refusals_in_their_order": {
        "changeTaskPriority.newPriority: cannot be missing": 1,
        "changeTaskPriority.newPriority: no such word: 'normal'": 1,
    },
    "Queue.test_artifacts": {"artifactInfo.runId: 'x' is no number": 1},
    "Queue.test_groups": {"listTaskGroup.limit: 'x' is no number": 1},
    "Search.test_refusals": {
        "listTasks.limit: 'x' is no number": 1,
        "listTasks.unknown: no such parameter": 1,
    },
    "Transitions.test_legacy_report": {"the rest, from: reportCompleted: a body": 1},
    "Troupe.test_tasks": {"the rest, from: listTasks.limit: 'x' is no number": 1},
    "Workers.test_refused_declarations": {
        "declareWorker.capacity: no such field": 1,
        "declareWorker.expires: 'soon' is no time": 1,
    },
}

globals().update(over(RpcWay, MARKS, *CLASSES))

if __name__ == "__main__":
    unittest.main()
