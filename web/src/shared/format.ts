// Numbers, money and instants as the program and the reader write them.
import { computed, reactive } from "vue";
import { i18n } from "./i18n";

/** The program whose figures are shown. */
export const place = reactive({ zone: "UTC", currency: "CNY" });

export interface Money {
  amount_minor: number;
  currency: string;
}

const locale = () => i18n.global.locale.value;

/** Digits behind the point in a currency. */
export function digits(currency: string): number {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}

export function money(value: Money | null | undefined): string {
  if (!value) return "–";
  const { amount_minor, currency } = value;
  const format = new Intl.NumberFormat(locale(), { style: "currency", currency, currencyDisplay: "narrowSymbol" });
  return format.format(amount_minor / 10 ** digits(currency));
}

/** Minor units in the program's currency. */
export function minor(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : money({ amount_minor: value, currency: currency.value });
}

/** Minor units as whole ones of the program's currency, with a point, as a table program reads them. */
export function units(value: number): string {
  const behind = digits(currency.value);
  return (value / 10 ** behind).toFixed(behind);
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : new Intl.NumberFormat(locale()).format(value);
}

/** Signed, for what comes and goes. */
export function signed(value: number): string {
  return new Intl.NumberFormat(locale(), { signDisplay: "exceptZero" }).format(value);
}

/** Basis points as a percentage. */
export function percent(bp: number): string {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 2 }).format(bp / 10_000);
}

export function instant(value: string | null | undefined): string {
  if (!value) return "–";
  return new Intl.DateTimeFormat(locale(), {
    timeZone: zone.value,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(new Date(value));
}

export function day(value: string | null | undefined): string {
  if (!value) return "–";
  return new Intl.DateTimeFormat(locale(), { timeZone: zone.value, dateStyle: "medium" }).format(new Date(value));
}

/** Day and time of an instant, without its year. */
export function time(value: string): string {
  return new Intl.DateTimeFormat(locale(), {
    timeZone: zone.value,
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(new Date(value));
}

/** The local date of an instant, as YYYY-MM-DD. */
export function dateOf(value: string | number): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone.value }).format(new Date(value));
}

/** A local date (YYYY-MM-DD) as it is written. */
export function dayOf(date: string): string {
  return new Intl.DateTimeFormat(locale(), { timeZone: "UTC", dateStyle: "medium" }).format(new Date(date));
}

/** Month and day of a local date. */
export function shortDay(date: string): string {
  return new Intl.DateTimeFormat(locale(), { timeZone: "UTC", month: "numeric", day: "numeric" }).format(new Date(date));
}

/** A local date of the program, so many days from today, as YYYY-MM-DD. */
export function localDate(days = 0): string {
  return dateOf(Date.now() + days * 86_400_000);
}

/** The end of an id, which tells ids apart; the whole is in the tooltip. */
export function brief(id: string): string {
  return id.length > 14 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id;
}

const zone = computed(() => place.zone);
export const currency = computed(() => place.currency);
