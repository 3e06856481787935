import { date } from './date.ts';
import { dates } from './dates.ts';
import type { TemplateFunction } from './define.ts';
import { each } from './each.ts';
import { json } from './json.ts';
import { lower } from './lower.ts';
import { md5 } from './md5.ts';
import { sha1 } from './sha1.ts';
import { sha256 } from './sha256.ts';
import { upper } from './upper.ts';
import { urlencode } from './urlencode.ts';

/** Every function that templates can call, by name. */
export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map(
  [date, dates, each, json, lower, md5, sha1, sha256, upper, urlencode].map((one) => [one.name, one]),
);
