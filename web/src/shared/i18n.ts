// Languages: Chinese first. The texts of the other language are loaded when it is chosen.
import { createI18n } from "vue-i18n";
import { guards } from "./client";

export const LOCALES = ["zh-CN", "en"] as const;
export type Locale = (typeof LOCALES)[number];
type Texts = object;
const REMEMBERED = "shuke.locale";

export const i18n = createI18n({
  legacy: false,
  locale: "zh-CN" as Locale,
  fallbackLocale: false,
  messages: { "zh-CN": {}, en: {} },
});
let english: () => Promise<{ default: Texts }>;

/** Give the texts of an entry: Chinese at hand, English to be loaded. */
export function give(chinese: Texts, load: typeof english): void {
  i18n.global.setLocaleMessage("zh-CN", chinese);
  english = load;
}

export function known(name: string | null | undefined): Locale | null {
  return LOCALES.find((each) => each === name) ?? null;
}

/** The language that was chosen in this browser; null: none yet. */
export function chosen(): Locale | null {
  return known(localStorage.getItem(REMEMBERED));
}

/** The language chosen before, else the browser's. */
export function preferred(): Locale {
  return chosen() ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en");
}

/** Choose a language for good. */
export async function choose(locale: Locale): Promise<void> {
  localStorage.setItem(REMEMBERED, locale);
  await speak(locale);
}

export async function speak(locale: Locale): Promise<void> {
  if (locale === "en") i18n.global.setLocaleMessage("en", (await english()).default);
  i18n.global.locale.value = locale;
  guards.locale = locale;
  document.documentElement.lang = locale;
}

/** The word for a value of the API; the value itself where there is none. */
export function word(group: string, value: string | null | undefined): string {
  if (!value) return "–";
  const key = `words.${group}.${value}`;
  return i18n.global.te(key) ? i18n.global.t(key) : value;
}
