#!/usr/bin/env node
import { runCli } from './cli/program.ts';

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(1); // asked twice: leave without finishing
    stopping.abort();
  });
}
// A reader that went away (`unstale status | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
});
const code = await runCli(process.argv.slice(2), process.env, stopping.signal);
// What is printed is written first. Then leave: a client that still tries to reconnect must not keep the process alive.
process.stdout.write('', () => process.exit(code));
