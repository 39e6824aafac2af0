// The preview in a frame of the console: the same pages, with samples, as the draft says.
import { guards } from "@/shared/client";
import { known, speak } from "@/shared/i18n";
import type { Decoration } from "./decoration";
import { sampleCentre, samplesOf, sampleSession, type Rung } from "./samples";
import { sample, visit } from "./visit";

interface Told {
  type: "shuke-preview";
  decoration: Decoration | null;
  /** What the centre is of; absent: a sample. */
  shop?: { name: string; currency: string; timezone: string };
  as: "guest" | "eligible" | "member";
  /** A name, or the code of one of the ladder. */
  tier?: string;
  ladder?: Rung[];
  locale?: string;
}

/** Show samples at once, then whatever the console tells; nobody else is listened to. */
export async function listen(): Promise<void> {
  guards.closed = true;
  tell({ type: "shuke-preview", decoration: null, as: "member" });
  addEventListener("message", (event: MessageEvent<Told | null>) => {
    if (event.origin !== location.origin || event.source !== parent) return;
    if (event.data?.type !== "shuke-preview") return;
    const locale = known(event.data.locale);
    const told = event.data;
    if (locale) void speak(locale).then(() => tell(told));
    else tell(told);
  });
  if (parent !== window) parent.postMessage({ type: "shuke-preview-ready" }, location.origin);
}

function tell({ decoration, shop, as, tier, ladder }: Told): void {
  const centre = { ...sampleCentre(visit.program), ...shop, decoration: decoration as Record<string, unknown> | null };
  sample(centre, as === "guest" ? null : sampleSession(visit.program, as), samplesOf(tier, ladder ?? []));
}
