export type { JobSettings } from './bull.ts';
export type { JobContext } from './processor.ts';
export { createQueue, Queue, type QueueOptions } from './queue.ts';
export { type DeadLetter, type LaneCounts, openQueueView, type QueueCounts, type QueueView } from './view.ts';
export { createWorkers, Workers, type WorkersOptions } from './workers.ts';
