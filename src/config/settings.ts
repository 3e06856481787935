import type { z } from 'zod';
import { type Finding, UnstaleError } from '../core/errors/index.ts';
import { OPTIONS, type Option, type OptionKey } from './options.ts';

type Parsed<K extends OptionKey> = z.output<(typeof OPTIONS)[K]['schema']>;
type WithDefault = { [K in OptionKey]: (typeof OPTIONS)[K] extends { default: string } ? K : never }[OptionKey];

/** Validated settings. Those without a default may be absent, unless the command said that it needs them. */
export type Settings = { readonly [K in WithDefault]: Parsed<K> } & {
  readonly [K in Exclude<OptionKey, WithDefault>]?: Parsed<K>;
};

export type Needing<K extends OptionKey> = Settings & { readonly [P in K]-?: Parsed<P> };

export type Given = Readonly<Partial<Record<OptionKey, string | undefined>>>;

/**
 * Flags win over the environment, the environment over defaults. Throws SETTINGS_INVALID with a finding for every
 * mistake at once.
 */
export function loadSettings<K extends OptionKey = never>(
  env: Readonly<Record<string, string | undefined>>,
  given: Given,
  needs: readonly K[] = [],
): Needing<K> {
  const settings: Record<string, unknown> = {};
  const findings: Finding[] = [];
  for (const [key, option] of entries()) {
    const text = given[key] ?? nonEmpty(env[option.name]) ?? option.default;
    if (text === undefined) {
      if ((needs as readonly string[]).includes(key)) findings.push(finding(option, 'is required and not set'));
      continue;
    }
    const parsed = option.schema.safeParse(text);
    if (parsed.success) settings[key] = parsed.data;
    else {
      const shown = option.secret ? '(hidden)' : JSON.stringify(text);
      findings.push(finding(option, `is ${shown}, expected ${parsed.error.issues[0]?.message ?? 'another value'}`));
    }
  }
  if (findings.length > 0) {
    const list = findings.map((one) => one.message).join('; ');
    throw new UnstaleError('SETTINGS_INVALID', list, { hint: findings[0]?.hint, findings });
  }
  return settings as unknown as Needing<K>;
}

export function entries(): readonly (readonly [OptionKey, Option])[] {
  return Object.entries(OPTIONS) as unknown as readonly (readonly [OptionKey, Option])[];
}

/** BullMQ's Redis: the cache's own unless another was named. */
export function queueUrlOf(settings: Needing<'redisUrl'>): string {
  return settings.queueRedisUrl ?? settings.redisUrl;
}

/** Settings as a log may show them: passwords and tokens taken out. */
export function redacted(settings: Settings): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [key, option] of entries()) {
    const value = settings[key];
    if (value !== undefined) shown[option.name] = option.secret ? redactUrl(String(value)) : value;
  }
  return shown;
}

/** A URL without its password; anything else that is secret, hidden whole. */
export function redactUrl(text: string): string {
  const parts = text.split(',').map((part) => {
    if (!URL.canParse(part)) return '***';
    const url = new URL(part);
    if (url.password !== '') url.password = '***';
    for (const name of Array.from(url.searchParams.keys()))
      if (/pass|secret|token|key/i.test(name)) url.searchParams.set(name, '***');
    return url.href;
  });
  return parts.join(',');
}

/** Variables that look like ours and are none: a misspelt setting would otherwise be ignored in silence. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = new Set(entries().map(([, option]) => option.name));
  // Kubernetes adds these for a service called `unstale`; the tests' and demo's own begin with UNSTALE_TEST_ or UNSTALE_SERVERS_.
  const foreign = /^UNSTALE_((TEST|SERVERS)_.*|SERVICE_HOST|SERVICE_PORT.*|PORT(_.*)?|JOURNAL)$/;
  return Object.keys(env).filter((name) => name.startsWith('UNSTALE_') && !known.has(name) && !foreign.test(name));
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function finding(option: Option, what: string): Finding {
  return {
    code: 'SETTINGS_INVALID',
    severity: 'error',
    message: `${option.name} ${what}`,
    hint: `set ${option.name} or pass --${option.flag} <${option.value}>: ${option.about}`,
  };
}
