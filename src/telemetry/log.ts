import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Log } from '../core/ports.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Default: pretty on a terminal, JSON lines elsewhere. */
  readonly format?: 'json' | 'pretty' | undefined;
}

/** Structured log on standard error: standard output belongs to what a command prints. */
export function createLog(options: LogOptions): Log {
  const format = options.format ?? (process.stderr.isTTY ? 'pretty' : 'json');
  const settings = { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  // Synchronous writes: what was logged before a crash is there, and no thread has to be flushed at exit.
  const target =
    format === 'pretty'
      ? pretty({ colorize: process.stderr.isTTY, destination: 2, sync: true, ignore: 'pid,hostname' })
      : pino.destination({ dest: 2, sync: true });
  return pino({ ...settings, formatters: { level: (label) => ({ level: label }) } }, target);
}
