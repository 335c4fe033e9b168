/** Cron patterns of six fields, seconds first. Source: nats-server `cron.go`, ADR-51. */
import type { LocalTime, TimeZone } from "./zone.ts";

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

interface Field {
  readonly values: ReadonlySet<number>;
  /** Was `*`: with days, the other field decides alone. */
  readonly isAny: boolean;
}

export interface Cron {
  readonly second: Field;
  readonly minute: Field;
  readonly hour: Field;
  readonly dayOfMonth: Field;
  readonly month: Field;
  readonly dayOfWeek: Field;
}

const sixtieths: Bounds = { min: 0, max: 59, names: [] };
const hours: Bounds = { min: 0, max: 23, names: [] };
const daysOfMonth: Bounds = { min: 1, max: 31, names: [] };
const months: Bounds = {
  min: 1,
  max: 12,
  names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const daysOfWeek: Bounds = { min: 0, max: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/** What never comes is looked for that far. */
const yearsMax = 5;
const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;

/** @returns null when it is not one, or can never come */
export function parseCron(pattern: string): Cron | null {
  const texts = pattern.split(/[\t\n\v\f\r ]+/).filter((text) => text !== "");
  if (texts.length !== 6) return null;
  const bounds = [sixtieths, sixtieths, hours, daysOfMonth, months, daysOfWeek];
  const fields = texts.map((text, at) => parseField(text, bounds[at] as Bounds));
  const [second, minute, hour, dayOfMonth, month, dayOfWeek] = fields;
  if (!second || !minute || !hour || !dayOfMonth || !month || !dayOfWeek) return null;
  for (const { values } of [second, minute, hour, month]) if (values.size === 0) return null;
  return { second, minute, hour, dayOfMonth, month, dayOfWeek };
}

/** @returns the first whole second after `afterMs` that the pattern names; null when there is none in five years */
export function nextCronMs(cron: Cron, zone: TimeZone, afterMs: number): number | null {
  let atMs = Math.floor(afterMs / secondMs) * secondMs + secondMs;
  let local = zone.local(atMs);
  const yearMax = local.year + yearsMax;
  for (; local.year <= yearMax; local = zone.local(atMs)) {
    const { year, month, day, hour } = local;
    if (!cron.month.values.has(month)) atMs = later(atMs, zone.moment(year, month + 1, 1, 0));
    else if (!takesDay(cron, local)) atMs = later(atMs, zone.moment(year, month, day + 1, 0));
    else if (!cron.hour.values.has(hour)) atMs = later(atMs, zone.moment(year, month, day, hour) + hourMs);
    else if (!cron.minute.values.has(local.minute)) atMs = Math.floor(atMs / minuteMs) * minuteMs + minuteMs;
    else if (!cron.second.values.has(local.second)) atMs += secondMs;
    else return atMs;
  }
  return null;
}

/** Where clocks are set, the moment that is looked for may lie before; then an hour is gone. */
function later(atMs: number, nextMs: number): number {
  return nextMs > atMs ? nextMs : Math.floor(atMs / hourMs) * hourMs + hourMs;
}

function takesDay({ dayOfMonth, dayOfWeek }: Cron, { day, weekday }: LocalTime): boolean {
  const takesDate = dayOfMonth.values.has(day);
  const takesWeekday = dayOfWeek.values.has(weekday);
  if (dayOfMonth.isAny || dayOfWeek.isAny) return takesDate && takesWeekday;
  return takesDate || takesWeekday;
}

function parseField(text: string, bounds: Bounds): Field | null {
  const values = new Set<number>();
  let isAny = false;
  for (const range of text.split(",")) {
    if (range === "") continue;
    const parsed = parseRange(range, bounds);
    if (parsed === null) return null;
    for (let value = parsed.start; value <= parsed.end; value += parsed.step) values.add(value);
    isAny ||= parsed.isAny;
  }
  return { values, isAny };
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly isAny: boolean;
}

/** `n`, `n-m`, `*` or `?`, each maybe with `/step`; `n/step` goes on to the end. */
function parseRange(text: string, bounds: Bounds): Range | null {
  const [span = "", stepText, ...more] = text.split("/");
  const [low = "", high, ...rest] = span.split("-");
  const isStar = low === "*" || low === "?";
  const step = stepText === undefined ? 1 : parseNumber(stepText, []);
  const start = isStar ? bounds.min : parseNumber(low, bounds.names, bounds.min);
  if (start === null || step === null || step === 0 || more.length > 0) return null;
  if (!isStar && rest.length > 0) return null;
  let end: number | null = start;
  if (isStar || (high === undefined && stepText !== undefined)) end = bounds.max;
  else if (high !== undefined) end = parseNumber(high, bounds.names, bounds.min);
  if (end === null || start < bounds.min || end > bounds.max || start > end) return null;
  return { start, end, step, isAny: isStar && step === 1 };
}

function parseNumber(text: string, names: readonly string[], firstName = 0): number | null {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + firstName;
  return /^\+?[0-9]+$/.test(text) ? Number(text) : null;
}
