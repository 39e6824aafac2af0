// Texts of pages that few open: loaded with them, not with the first page.
import { i18n } from "@/shared/i18n";

export async function ownTexts(): Promise<void> {
  const [chinese, english] = await Promise.all([
    import("@/locales/member.own.zh-CN.json"),
    import("@/locales/member.own.en.json"),
  ]);
  i18n.global.mergeLocaleMessage("zh-CN", chinese.default);
  i18n.global.mergeLocaleMessage("en", english.default);
}
