"""What Celery loads by name when a worker begins: loaded once, before the workers are forked."""

# ruff: noqa: F401
import celery.app.amqp
import celery.app.control
import celery.app.events
import celery.app.log
import celery.apps.worker
import celery.concurrency.thread
import celery.events
import celery.fixups.django
import celery.worker.autoscale
import celery.worker.components
import celery.worker.consumer
import celery.worker.strategy

import inference.broker.file_broker
import inference.worker.app
