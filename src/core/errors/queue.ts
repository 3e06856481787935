import { defineErrors } from './define.ts';

export const queueErrors = defineErrors({
  QUEUE_REDIS_EVICTS: {
    about: "The queue's Redis may evict keys, so jobs can vanish.",
    hint: 'Give the queues a Redis of their own (QUEUE_REDIS_URL), or run: redis-cli -u "$QUEUE_REDIS_URL" config set maxmemory-policy noeviction.',
    retry: 'never',
    exit: 1,
  },
  QUEUE_STOPPED: {
    about: 'The queue was stopped before a plan was in Redis; the stream brings it again.',
    hint: 'Start the worker again; nothing that was not enqueued is confirmed to Postgres.',
    retry: 'never',
    exit: 1,
  },
  QUEUE_JOB_UNREADABLE: {
    about: 'A job in the queue is not one of ours, or of a version that this worker does not know.',
    hint: 'Run the same version of unstale in all workers of one UNSTALE_NAME, and let nobody else add jobs to its queues.',
    retry: 'never',
    exit: 1,
  },
  QUEUE_UNKNOWN_VERB: {
    about: 'A job asks for something that this version cannot do; its keys are deleted instead.',
    hint: 'Run the same version of unstale in all workers of one UNSTALE_NAME.',
    retry: 'never',
    exit: 1,
  },
});
