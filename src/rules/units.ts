const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { b: 1, kb: 1024, mb: 1024 * 1024 } as const;
/** A hundred years: further away than this nothing is meant, and Redis overflows. */
const LONGEST_MS = 36_500 * MS.d;

/** `500ms 10s 5m 1h 7d` to milliseconds; nothing if it is not written so, is zero, or longer than a hundred years. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,15})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined || !isKeyOf(unit, MS)) return undefined;
  const ms = Number(digits) * MS[unit];
  return ms > 0 && ms <= LONGEST_MS ? ms : undefined;
}

/** `512b 1kb 1mb` (1 kb is 1024 bytes) to bytes. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})(b|kb|mb)$/.exec(text.toLowerCase()) ?? [];
  return digits === undefined || !isKeyOf(unit, BYTES) ? undefined : Number(digits) * BYTES[unit];
}

/** `10%` to 0.1. Without the sign, a number below 1 is a fraction (`0.1`) and any other is in percent (`10`). */
export function parsePercent(text: string): number | undefined {
  const [, digits, sign] = /^(\d{1,3}(?:\.\d{1,9})?)(%?)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  const fraction = sign === '' && number < 1 ? number : number / 100;
  return fraction <= 1 ? fraction : undefined;
}

/** A whole number in plain digits. */
export function parseWhole(text: string, least: number, most: number): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= least && number <= most ? number : undefined;
}

function isKeyOf<T extends object>(key: string | undefined, of: T): key is Extract<keyof T, string> {
  return key !== undefined && Object.hasOwn(of, key);
}
