import { describe, expect, it } from 'vitest';
import { loadSettings, redacted, redactUrl, unknownVariables } from '../../src/config/settings.ts';
import { UnstaleError } from '../../src/core/errors/index.ts';

const good = { DATABASE_URL: 'postgres://me:secret@db/app', REDIS_URL: 'redis://:pw@cache:6379/2' };

function errorOf(run: () => unknown): UnstaleError {
  try {
    run();
  } catch (error) {
    if (error instanceof UnstaleError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('settings', () => {
  it('come from the environment, with defaults', () => {
    const settings = loadSettings(good, {}, ['databaseUrl', 'redisUrl']);
    expect(settings).toMatchObject({
      databaseUrl: good.DATABASE_URL,
      name: 'unstale',
      attempts: 8,
      backoffMs: 200,
      onGap: 'resync',
    });
    expect(settings.rules).toEqual(['./rules']);
  });

  it('are overruled by flags', () => {
    expect(loadSettings({ UNSTALE_BATCH: '10' }, { batch: '20' }).batch).toBe(20);
  });

  it('that are wrong are all named at once, with exit code 2', () => {
    const env = {
      DATABASE_URL: 'mysql://x',
      UNSTALE_NAME: 'My Slot',
      UNSTALE_BATCH: '0',
      UNSTALE_BACKOFF: '5 minutes',
      UNSTALE_ON_GAP: 'shrug',
    };
    const error = errorOf(() => loadSettings(env, {}, ['databaseUrl', 'redisUrl']));
    expect(error.code).toBe('SETTINGS_INVALID');
    expect(error.exit).toBe(2);
    const named = error.findings.map((finding) => finding.message.split(' ')[0]);
    expect(named.toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
      'DATABASE_URL',
      'REDIS_URL',
      'UNSTALE_BACKOFF',
      'UNSTALE_BATCH',
      'UNSTALE_NAME',
      'UNSTALE_ON_GAP',
    ]);
  });

  it('never show a secret, neither in logs nor in errors', () => {
    const shown = JSON.stringify(redacted(loadSettings({ ...good, UNSTALE_TOKEN: 'hush-hush-hush' }, {})));
    expect(shown).not.toMatch(/secret|pw|hush/);
    expect(shown).toContain('db/app');
    const error = errorOf(() => loadSettings({ DATABASE_URL: 'mysql://me:secret@db' }, {}));
    expect(JSON.stringify(error.findings)).not.toContain('secret');
    expect(redactUrl('redis://:a@h1:1,redis://:b@h2:2')).toBe('redis://:***@h1:1,redis://:***@h2:2');
  });

  it('that are misspelt are noticed', () => {
    const env = {
      UNSTALE_WINDW: '1',
      UNSTALE_NAME: 'x',
      UNSTALE_SERVICE_HOST: '10.0.0.1',
      UNSTALE_PORT_8686_TCP: 'tcp://',
    };
    expect(unknownVariables(env)).toEqual(['UNSTALE_WINDW']);
  });
});
