// The elements `shuke-module` and `shuke-tab` on a shop's own page. The module: members see tier and
// points, others the gift. The tab: the way to the member centre, once it is approved.
// Whatever fails, nothing is shown, and the page is as it was.
import words from "@/locales/embed.json";

interface Coupon {
  face_minor: number;
}
interface Shown {
  visible: boolean;
  state: string;
  text: string | null;
  background: string | null;
  tier: string | null;
  points: number | null;
  gift: { coupons: Coupon[] } | null;
  currency: string;
  href: string | null;
}
type Words = Record<"member" | "points" | "gift" | "join" | "look" | "tab", string>;

(() => {
  const script = document.currentScript as HTMLScriptElement | null;
  if (!script || customElements.get("shuke-module")) return;
  const host = new URL(script.src).origin;
  const { program = "", token = "" } = script.dataset;
  const LOOKS = `
    :host { display: block; aspect-ratio: 702 / 110; container-type: inline-size; }
    :host([hidden]) { display: none; }
    a { position: relative; box-sizing: border-box; width: 100%; height: 100%; padding: 0 4%; display: flex; align-items: center;
      gap: 3%; overflow: hidden; border-radius: 8px; color: #1f2937; text-decoration: none; font: 500 clamp(11px, 3.7cqw, 26px)/1.3 sans-serif; }
    a:focus-visible { outline: 2px solid #1d4ed8; outline-offset: 2px; }
    img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
    span { position: relative; flex: 1; min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
    b { position: relative; padding: .35em .9em; border-radius: 2em; background: #1f2937; color: #fff; font-weight: 600; font-size: .85em; white-space: nowrap; }
    .mist { background: linear-gradient(90deg, #eef2f7, #dbe4f0); }
    .dawn { background: linear-gradient(90deg, #fff1e6, #ffd9c7); }
    .pine { background: linear-gradient(90deg, #e8f5ee, #c9e8d7); }
    .dusk { background: linear-gradient(90deg, #efe9fb, #d9cdf3); }
  `;

  const TAB_LOOKS = `
    :host { display: inline-block; }
    :host([hidden]) { display: none; }
    a { display: block; padding: .5em 1em; color: inherit; font: inherit; text-decoration: none; }
    a:focus-visible { outline: 2px solid #1d4ed8; outline-offset: 2px; }
  `;

  /** What the gateway says of something here; null: nothing is to be shown. */
  async function ask<T extends { visible: boolean }>(what: string, headers?: HeadersInit): Promise<T | null> {
    const url = `${host}/embed/v1/${what}?program=${encodeURIComponent(program)}`;
    const answer = await fetch(url, { headers, credentials: "omit", referrerPolicy: "origin" });
    const said = answer.ok ? ((await answer.json()) as T) : null;
    return said?.visible ? said : null;
  }

  function dress(root: ShadowRoot, looks: string): void {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(looks);
    root.adoptedStyleSheets = [sheet];
  }

  /** The visitor's language, and what is said in it. */
  function spoken(): [string, Words] {
    const chinese = (document.documentElement.lang || navigator.language).startsWith("zh");
    return chinese ? ["zh-CN", words.zh] : ["en", words.en];
  }

  function money(minor: number, currency: string, locale: string): string {
    const format = new Intl.NumberFormat(locale, { style: "currency", currency, minimumFractionDigits: 0 });
    const digits = new Intl.NumberFormat(locale, { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
    return format.format(minor / 10 ** digits);
  }

  function sentence(shown: Shown, said: Words, locale: string): string {
    if (shown.state === "member") {
      const points = said.points.replace("{points}", new Intl.NumberFormat(locale).format(shown.points ?? 0));
      return `${shown.tier ?? said.member} · ${points}`;
    }
    if (shown.text) return shown.text;
    const worth = (shown.gift?.coupons ?? []).reduce((sum, each) => sum + each.face_minor, 0);
    return said.gift.replace("{worth}", money(worth, shown.currency, locale));
  }

  class Module extends HTMLElement {
    private readonly root = this.attachShadow({ mode: "closed" });

    connectedCallback(): void {
      this.load().catch(() => (this.hidden = true));
    }

    private async load(): Promise<void> {
      dress(this.root, LOOKS);
      const shown = await ask<Shown>("module", token ? { authorization: `Bearer ${token}` } : undefined);
      if (shown) this.draw(shown);
      else this.hidden = true;
    }

    private draw(shown: Shown): void {
      const [locale, said] = spoken();
      const link = document.createElement("a");
      link.href = host + (shown.href ?? "");
      if (shown.background?.startsWith("/")) {
        const picture = document.createElement("img");
        picture.src = host + shown.background;
        picture.alt = "";
        link.append(picture);
      } else link.className = shown.background ?? "mist";
      const text = document.createElement("span");
      text.textContent = sentence(shown, said, locale);
      const button = document.createElement("b");
      button.textContent = shown.state === "member" ? said.look : said.join;
      link.append(text, button);
      this.root.replaceChildren(link);
    }
  }

  class Tab extends HTMLElement {
    private readonly root = this.attachShadow({ mode: "closed" });

    connectedCallback(): void {
      this.hidden = true;
      void this.load().catch(() => undefined);
    }

    private async load(): Promise<void> {
      const shown = await ask<{ visible: boolean; href: string }>("tab");
      if (!shown) return;
      dress(this.root, TAB_LOOKS);
      const link = document.createElement("a");
      link.href = host + shown.href;
      link.textContent = spoken()[1].tab;
      this.root.replaceChildren(link);
      this.hidden = false;
    }
  }

  customElements.define("shuke-module", Module);
  customElements.define("shuke-tab", Tab);
})();
