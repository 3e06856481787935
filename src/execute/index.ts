export { createExecutor, type Done, type Executor } from './executor.ts';
export { epochOf } from './hands.ts';
