import { isUtf8 } from 'node:buffer';

/** A key as it travels to Redis: text, or the bytes of one that is not UTF-8 (found by a scan). */
export type Key = string | Buffer;

/** Text where the bytes are text, else the bytes: so that every key can be named again exactly. */
export function toKey(bytes: Buffer): Key {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

/**
 * The lease of an entry: `K~lease` where K has a hash tag, else `{K}~lease`, so that both lie in one cluster slot.
 * A contract with readers in any language; see the manual, "Names in Redis".
 */
export function leaseOf(key: Key): Key {
  return beside(key, '~lease');
}

/**
 * Does the lease lie in the slot of its entry? Not where the key has a `}` but no hash tag: `{a}b}~lease` has the tag
 * `a`. (Nor for the empty key.) In a cluster such a key gets no lease.
 */
export function leaseSharesSlot(key: Key): boolean {
  return hasTag(key) || (key.length > 0 && !key.includes('}'));
}

/** A name in the same cluster slot as the key, for sets that are being cleared. Suffixes hold no braces. */
export function neighbour(key: Key, suffix: string): Key {
  const name = beside(key, suffix);
  if (leaseSharesSlot(key)) return name;
  // No tag can be made around such a key, so the whole name counts: look for one that hashes alike.
  const slot = slotOf(key);
  for (let i = 0; ; i++) {
    const candidate = append(key, `${suffix}.${i}`);
    if (slotOf(candidate) === slot) return candidate;
  }
}

/** Keys of unstale itself and of its queues: no scan, no clear ever touches them. */
export function isInternal(key: Key): boolean {
  return startsWith(key, 'unstale:') || startsWith(key, '{unstale:');
}

export const CLEARING_SUFFIX = '~clearing';
const CLEARING = /~clearing(:[0-9a-f]{16})?(\.\d+)?$/;

/** Sets on their way out, and the list of them, both named by `neighbour`: scans leave them to the clears that made them. */
export function isClearing(key: Key): boolean {
  return CLEARING.test(typeof key === 'string' ? key.slice(-40) : key.subarray(-40).toString('latin1'));
}

function beside(key: Key, suffix: string): Key {
  if (hasTag(key)) return append(key, suffix);
  return typeof key === 'string'
    ? `{${key}}${suffix}`
    : Buffer.concat([Buffer.from('{'), key, Buffer.from(`}${suffix}`)]);
}

function append(key: Key, suffix: string): Key {
  return typeof key === 'string' ? key + suffix : Buffer.concat([key, Buffer.from(suffix)]);
}

function startsWith(key: Key, prefix: string): boolean {
  return typeof key === 'string' ? key.startsWith(prefix) : key.subarray(0, prefix.length).equals(Buffer.from(prefix));
}

/** First `{`, the next `}` after it, something between: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags */
function hasTag(key: Key): boolean {
  const open = key.indexOf('{');
  return open !== -1 && key.indexOf('}', open + 1) > open + 1;
}

/** The cluster slot of a key, 0 to 16383: CRC16 of its hash tag, or of all of it. */
export function slotOf(key: Key): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  const open = bytes.indexOf(0x7b);
  const close = open === -1 ? -1 : bytes.indexOf(0x7d, open + 1);
  const hashed = close > open + 1 ? bytes.subarray(open + 1, close) : bytes;
  let crc = 0;
  for (const byte of hashed) crc = ((crc << 8) & 0xffff) ^ (CRC16[((crc >> 8) ^ byte) & 0xff] ?? 0);
  return crc % 16_384;
}

/** CRC-16/XMODEM, polynomial 0x1021: the cluster specification, appendix A. */
const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});
