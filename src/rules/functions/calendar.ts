/**
 * Days and times as Postgres prints them, by whole numbers: JavaScript's Date ends in the year 275760, Postgres goes on,
 * and its years before Christ are `BC`. Days are counted from 1970-01-01, by the proleptic Gregorian calendar as Postgres does.
 * Source: https://www.postgresql.org/docs/current/datatype-datetime.html
 */
import { nearest } from '../nearest.ts';

const DAY = 86_400;
/** The calendar, its weekdays included, repeats after 400 years: times far away get the offset of their double. */
const CYCLE_DAYS = 146_097;
const CYCLE = CYCLE_DAYS * DAY;
/** From here on only the last rule of a zone holds. (Times before Christ are within the reach of Date.) */
const LAST = daysOf(2800, 1, 1) * DAY;

/** `infinity`, `-infinity`, or a day, with the second of it and the offset in seconds where the text has them. */
export type Moment =
  | 'infinity'
  | '-infinity'
  | { day: number; second?: number | undefined; offset?: number | undefined };

const MOMENT =
  /^(\d{4,7})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?( BC)?$/;

/** Reads what `date::text`, `timestamp::text` and `timestamptz::text` print. Throws an Error on anything else. */
export function parseMoment(text: string): Moment {
  if (text === 'infinity' || text === '-infinity') return text;
  const [, year, month, day, hour, minute, second, offset, era] = MOMENT.exec(text) ?? [];
  const years = era ? 1 - Number(year) : Number(year);
  const days = daysOf(years, Number(month), Number(day));
  const exists = Number(year) > 0 && civilOf(days).month === Number(month) && civilOf(days).date === Number(day);
  if (!exists || Number(hour ?? 0) > 24) throw new Error(`no date or timestamp: ${text.slice(0, 60)}`);
  if (hour === undefined) return { day: days };
  return { day: days, second: Number(hour) * 3600 + Number(minute) * 60 + Number(second), offset: offsetOf(offset) };
}

/** The day as `date::text` prints it. */
export function formatDay(day: number): string {
  const { year, month, date } = civilOf(day);
  const pad = (number: number, width: number) => String(number).padStart(width, '0');
  return `${pad(year > 0 ? year : 1 - year, 4)}-${pad(month, 2)}-${pad(date, 2)}${year > 0 ? '' : ' BC'}`;
}

/** The day that a moment has in a zone. Without an offset the time is one of the source zone; a day without a time stays. */
export function dayIn(moment: Exclude<Moment, string>, zone: string, sourceZone: string): number {
  if (moment.second === undefined) return moment.day;
  const local = moment.day * DAY + moment.second;
  const utc = local - (moment.offset ?? offsetOfLocal(local, sourceZone));
  return Math.floor((utc + zoneOffset(utc, zone)) / DAY);
}

/** A message if this is no name of a time zone. */
export function checkZone(zone: string | undefined): string | undefined {
  if (zone === undefined) return undefined;
  try {
    formatterOf(zone);
    return undefined;
  } catch {
    const near = nearest(zone, Intl.supportedValuesOf('timeZone'));
    return `\`${zone}\` is no time zone; ${near ? `did you mean '${near}'?` : "names are like 'Europe/Berlin' or 'UTC'"}`;
  }
}

/**
 * The offset at a local time. Where the clock jumps, as Postgres does: a time that was skipped takes the offset from before,
 * one that came twice the offset from after. Source: DetermineTimeZoneOffset in
 * https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/datetime.c
 */
function offsetOfLocal(local: number, zone: string): number {
  const before = zoneOffset(local - DAY, zone);
  const after = zoneOffset(local + DAY, zone);
  const beforeHolds = zoneOffset(local - before, zone) === before;
  const afterHolds = zoneOffset(local - after, zone) === after;
  if (beforeHolds && afterHolds) return Math.min(before, after);
  return afterHolds ? after : before;
}

/** Seconds east of UTC, at a time in seconds since 1970. */
function zoneOffset(utc: number, zone: string): number {
  if (zone === 'UTC') return 0;
  let near = utc;
  if (near >= LAST) near -= Math.ceil((near - LAST + 1) / CYCLE) * CYCLE;
  const parts = formatterOf(zone).format(near * 1000);
  const [, month, date, year, era, hour, minute, second] =
    /^(\d+)\/(\d+)\/(\d+) (\w+), (\d+):(\d+):(\d+)$/.exec(parts) ?? [];
  if (year === undefined) throw new Error(`the time ${near} could not be told in ${zone}: ${parts}`);
  const years = era?.startsWith('B') ? 1 - Number(year) : Number(year);
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return daysOf(years, Number(month), Number(date)) * DAY + seconds - near;
}

/** Building one takes a hundred times as long as using it. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Throws a RangeError if the zone is unknown. */
function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (!formatter) {
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    formatter = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      ...numeric,
      second: 'numeric',
      era: 'short',
      hourCycle: 'h23',
      timeZone: zone,
    });
    if (formatters.size > 1000) formatters.clear(); // zones may come from a column
    formatters.set(zone, formatter);
  }
  return formatter;
}

function offsetOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'Z') return 0;
  const [hours = 0, minutes = 0, seconds = 0] = (text.slice(1).replaceAll(':', '').match(/\d\d/g) ?? []).map(Number);
  return (text.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
}

/** Days since 1970-01-01; years before 1 are 0, -1, ... Source: http://howardhinnant.github.io/date_algorithms.html */
function daysOf(year: number, month: number, date: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + date - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * CYCLE_DAYS + dayOfEra - 719_468;
}

function civilOf(day: number): { year: number; month: number; date: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / CYCLE_DAYS);
  const dayOfEra = shifted - era * CYCLE_DAYS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const date = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, date };
}
