"""Lineage: everything that is written to or read from MLflow tracking. Importing this imports no mlflow."""

from notemill.lineage.client import import_mlflow, modules
from notemill.lineage.find import find_run
from notemill.lineage.outbox import mark_pending, pending_runs, published, sent_text, sync, waiting_text
from notemill.lineage.publish import publish
from notemill.lineage.reach import Away, check_reachable
from notemill.lineage.scores import keep_score, send_scores, waiting_scores
from notemill.lineage.spool import open_spool, read_spool, redact_spool
from notemill.lineage.template import ensure_embedded, template_file
from notemill.lineage.tree import print_tree, trace, tree
from notemill.lineage.uri import open_command, shown_uri, tracking_uri

__all__ = ["Away", "check_reachable", "ensure_embedded", "find_run", "import_mlflow", "keep_score", "mark_pending",
           "modules", "open_command", "open_spool", "pending_runs", "print_tree", "publish", "published", "read_spool",
           "redact_spool", "send_scores", "sent_text", "shown_uri", "sync", "template_file", "trace", "tracking_uri",
           "tree", "waiting_scores", "waiting_text"]
