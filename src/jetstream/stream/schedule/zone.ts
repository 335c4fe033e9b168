/** A time zone by its IANA name, through Intl. */

export interface LocalTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0: Sunday. */
  readonly weekday: number;
}

export class TimeZone {
  /** Null for UTC, which needs no asking. */
  readonly #format: Intl.DateTimeFormat | null;

  /** @returns null when there is no zone of that name */
  static named(name: string): TimeZone | null {
    if (name === "UTC") return utc;
    if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return null;
    try {
      return new TimeZone(name === "Local" ? undefined : name);
    } catch {
      return null;
    }
  }

  /** @param timeZone undefined for the one of this machine, null for UTC; throws for one that is not known */
  constructor(timeZone: string | null | undefined) {
    this.#format =
      timeZone === null
        ? null
        : new Intl.DateTimeFormat("en-US", {
            timeZone,
            calendar: "gregory",
            numberingSystem: "latn",
            hourCycle: "h23",
            year: "numeric",
            month: "numeric",
            day: "numeric",
            hour: "numeric",
            minute: "numeric",
            second: "numeric",
          });
  }

  /** @param atMs since the epoch, whole seconds */
  local(atMs: number): LocalTime {
    const shifted = new Date(atMs + this.#offsetMs(atMs));
    return {
      year: shifted.getUTCFullYear(),
      month: shifted.getUTCMonth() + 1,
      day: shifted.getUTCDate(),
      hour: shifted.getUTCHours(),
      minute: shifted.getUTCMinutes(),
      second: shifted.getUTCSeconds(),
      weekday: shifted.getUTCDay(),
    };
  }

  /**
   * The moment at which clocks there show this, as Go's `time.Date` picks it where they show it twice or never. Months
   * and days beyond their range carry over.
   */
  moment(year: number, month: number, day: number, hour: number): number {
    const shown = Date.UTC(year, month - 1, day, hour);
    const offset = this.#offsetMs(shown);
    const guess = shown - offset;
    const there = this.#offsetMs(guess);
    return there === offset ? guess : shown - there;
  }

  #offsetMs(atMs: number): number {
    if (this.#format === null) return 0;
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(atMs)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1_000) * 1_000;
  }
}

export const utc = new TimeZone(null);
