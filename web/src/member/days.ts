// Days of a program as YYYY-MM-DD: no time zone is in them.
const DAY_MS = 86_400_000;
const at = (day: string) => new Date(`${day}T00:00:00Z`);

/** So many days before a day. */
export function before(day: string, days: number): string {
  return new Date(at(day).getTime() - days * DAY_MS).toISOString().slice(0, 10);
}

/** So many months after a month (YYYY-MM). */
export function month(of: string, later: number): string {
  const date = at(`${of}-01`);
  date.setUTCMonth(date.getUTCMonth() + later);
  return date.toISOString().slice(0, 7);
}

/** The weeks of a month, from Monday; null: a day of another month. */
export function weeks(of: string): (string | null)[][] {
  const first = at(`${of}-01`);
  const lead = (first.getUTCDay() + 6) % 7;
  const length = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  const days = [...Array<null>(lead).fill(null), ...Array.from({ length }, (_each, place) => `${of}-${String(place + 1).padStart(2, "0")}`)];
  while (days.length % 7) days.push(null);
  return Array.from({ length: days.length / 7 }, (_each, place) => days.slice(place * 7, place * 7 + 7));
}

export function weekday(day: string, locale: string, length: "narrow" | "short" | "long" = "short"): string {
  return new Intl.DateTimeFormat(locale, { weekday: length, timeZone: "UTC" }).format(at(day));
}

export function monthName(of: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { year: "numeric", month: "long", timeZone: "UTC" }).format(at(`${of}-01`));
}

export function dayName(day: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { month: "long", day: "numeric", timeZone: "UTC" }).format(at(day));
}
