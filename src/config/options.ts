import { z } from 'zod';

/** One setting: an environment variable that is also a flag. This table gives validation, help, manual and start-up log. */
export interface Option {
  readonly name: string;
  /** `--flag`, without the dashes. */
  readonly flag: string;
  /** What stands for the value in help. */
  readonly value: string;
  readonly about: string;
  /** As it would be written; absent: no default. */
  readonly default?: string;
  readonly secret?: true;
  readonly schema: z.ZodType<unknown, string>;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const durationMs = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'a duration such as 500ms, 10s, 5m, 1h, 7d')
  .transform((text) => Number.parseInt(text, 10) * (UNITS[text.replace(/\d+/, '')] ?? 1));

const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((n) => n >= least && n <= most, `a whole number from ${least} to ${most}`);

const url = (protocols: readonly string[], example: string) =>
  z.string().refine((text) => {
    const first = text.split(',')[0] ?? '';
    return protocols.some((protocol) => first.startsWith(`${protocol}://`)) && URL.canParse(first);
  }, `a URL such as ${example}`);

const redis = url(['redis', 'rediss'], 'redis://host:6379');

export const OPTIONS = {
  databaseUrl: {
    name: 'DATABASE_URL',
    flag: 'database-url',
    value: 'url',
    about: 'the primary; never a transaction pooler',
    secret: true,
    schema: url(['postgres', 'postgresql'], 'postgres://user:password@host:5432/database'),
  },
  redisUrl: {
    name: 'REDIS_URL',
    flag: 'redis-url',
    value: 'url',
    about: 'the cache; a comma list or ?cluster=true for a cluster; rediss:// for TLS',
    secret: true,
    schema: redis,
  },
  queueRedisUrl: {
    name: 'QUEUE_REDIS_URL',
    flag: 'queue-redis-url',
    value: 'url',
    about: "BullMQ's; must be noeviction (default: REDIS_URL)",
    secret: true,
    schema: redis,
  },
  rules: {
    name: 'UNSTALE_RULES',
    flag: 'rules',
    value: 'path,...',
    about: 'a folder of rule files, or files',
    default: './rules',
    schema: z
      .string()
      .min(1, 'a folder or files')
      .transform((text) => text.split(',')),
  },
  name: {
    name: 'UNSTALE_NAME',
    flag: 'name',
    value: 'name',
    about: 'names the slot, the publication, the queues: two deployments, two names',
    default: 'unstale',
    schema: z.string().regex(/^[a-z0-9_]{1,40}$/, 'lower-case letters, digits and _, at most 40'),
  },
  concurrency: {
    name: 'UNSTALE_CONCURRENCY',
    flag: 'concurrency',
    value: 'n',
    about: 'jobs at once in this process',
    default: '8',
    schema: whole(1, 1_000),
  },
  batch: {
    name: 'UNSTALE_BATCH',
    flag: 'batch',
    value: 'n',
    about: 'keys a job, at most',
    default: '500',
    schema: whole(1, 10_000),
  },
  window: {
    name: 'UNSTALE_WINDOW',
    flag: 'window',
    value: 'n',
    about: 'unfinished jobs at most; beyond it the stream is paused',
    default: '256',
    schema: whole(1, 100_000),
  },
  attempts: {
    name: 'UNSTALE_ATTEMPTS',
    flag: 'attempts',
    value: 'n',
    about: 'tries of a job before it becomes a dead letter (outages do not count)',
    default: '8',
    schema: whole(1, 100),
  },
  backoffMs: {
    name: 'UNSTALE_BACKOFF',
    flag: 'backoff',
    value: 'duration',
    about: 'first pause between tries, doubled each time',
    default: '200ms',
    schema: durationMs,
  },
  http: {
    name: 'UNSTALE_HTTP',
    flag: 'http',
    value: 'host:port',
    about: 'admin API, metrics, console (not served yet)',
    default: '127.0.0.1:8686',
    schema: z.string().regex(/^(off|(\[[0-9a-fA-F:]+\]|[^:[\]\s]*):\d{1,5})$/, 'host:port, or off'),
  },
  token: {
    name: 'UNSTALE_TOKEN',
    flag: 'token',
    value: 'text',
    about: 'bearer token of the admin API (not served yet)',
    secret: true,
    schema: z.string().min(1, 'a text'),
  },
  onGap: {
    name: 'UNSTALE_ON_GAP',
    flag: 'on-gap',
    value: 'resync|halt',
    about: 'what to do when changes may have been missed',
    default: 'resync',
    schema: z.enum(['resync', 'halt'], 'resync or halt'),
  },
  logLevel: {
    name: 'LOG_LEVEL',
    flag: 'log-level',
    value: 'level',
    about: 'debug, info, warn or error; row values only in debug',
    default: 'info',
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'debug, info, warn, error or silent'),
  },
  logFormat: {
    name: 'LOG_FORMAT',
    flag: 'log-format',
    value: 'json|pretty',
    about: 'pretty is the default on a terminal, json elsewhere',
    schema: z.enum(['json', 'pretty'], 'json or pretty'),
  },
} as const satisfies Record<string, Option>;

export type OptionKey = keyof typeof OPTIONS;
