"""Which tables of the queue's tests are said by all ways."""

import queue_artifacts_test
import queue_changes_test
import queue_claims_test
import queue_creation_test
import queue_messages_test
import queue_metadata_test
import queue_search_test
import queue_test
import queue_transitions_test
import queue_workers_test

CLASSES = (
    queue_transitions_test.Transitions, queue_transitions_test.ByTimers,
    queue_transitions_test.ByDeadlines, queue_messages_test.Messages,
    queue_creation_test.Creation, queue_claims_test.Claims, queue_artifacts_test.Artifacts,
    queue_metadata_test.Metadata, queue_workers_test.Workers,
    queue_changes_test.Priority, queue_changes_test.Cancel, queue_changes_test.Create,
    queue_changes_test.Pages, queue_search_test.Search, queue_test.Queue,
    queue_test.Troupe)
