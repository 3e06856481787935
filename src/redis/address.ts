import { UnstaleError } from '../core/errors/index.ts';

/** Where a Redis is and how to log in, taken apart from a URL. */
export interface Address {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** For logs and messages: hosts and ports, no user, no password. */
  readonly label: string;
}

/**
 * Reads `redis://`, `rediss://`, a comma list of them (a cluster; hosts alone after the first), `?cluster=true`.
 * User and password of the first count for all. A comma in a password is written %2C.
 * Throws REDIS_BAD_URL, which never shows the password.
 */
export function parseAddress(url: string): Address {
  const parts = url.split(',').map((part) => part.trim());
  const urls = parts.map((part, index) => parseOne(index > 0 && !part.includes('://') ? `redis://${part}` : part));
  const [first] = urls;
  if (!first) throw bad('it is empty');
  const cluster = urls.length > 1 || first.searchParams.get('cluster') === 'true';
  const db = dbOf(first);
  if (cluster && db !== 0) throw bad(`a cluster has database 0 only, not ${db}`);
  const nodes = urls.map(({ hostname, port }) => ({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 6379),
  }));
  return {
    nodes,
    cluster,
    tls: first.protocol === 'rediss:',
    ...(first.username && { username: decodeURIComponent(first.username) }),
    ...(first.password && { password: decodeURIComponent(first.password) }),
    db,
    label: urls.map(({ hostname, port }) => `${hostname}:${port || 6379}`).join(',') + (db ? `/${db}` : ''),
  };
}

function parseOne(text: string): URL {
  if (!URL.canParse(text)) throw bad('it is no URL');
  const url = new URL(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw bad(`it begins ${url.protocol}//`);
  if (url.hostname === '') throw bad('it names no host');
  return url;
}

function dbOf(url: URL): number {
  const text = url.pathname.replace(/^\//, '') || url.searchParams.get('db') || '0';
  if (!/^\d{1,5}$/.test(text)) throw bad(`its database is ${JSON.stringify(text)}, and a number is expected`);
  return Number(text);
}

function bad(what: string): UnstaleError {
  return new UnstaleError('REDIS_BAD_URL', `The Redis URL cannot be used: ${what}.`);
}
