// News of the program as it comes: one stream for everything that is shown, and only while it is shown.
import { onScopeDispose, ref, watch } from "vue";
import { session } from "./session";

/** Off: nobody listens. On: news come. Cut: they do not, and it is tried again. Resting: nobody is there. */
export type LiveState = "off" | "on" | "cut" | "resting";
export interface News {
  type: string;
  ids: Record<string, string | undefined>;
}
interface Listener {
  types: ReadonlySet<string>;
  concerns: (news: News) => boolean;
  refresh: () => unknown;
  timers: number[];
  /** Whether more came since the last time it was asked. */
  more: boolean;
  refreshedAt: number;
}

/** Services apply an event soon after it is told: ask once they have, and once more. */
const SETTLE_MS = 600;
const AGAIN_MS = 3_000;
const APART_MS = 2_000;
const RESTING_MS = 600_000;
const RETRY_MS = [3_000, 10_000, 30_000, 60_000];
const STOREFRONT = ["order-paid", "order-completed", "order-cancelled", "refund", "check-in", "activity"];
export const FIGURES = [...STOREFRONT, "member-joined", "customer-linked", "tier-changed", "member-erased", "points-changed"];
export const OF_MEMBER = [...FIGURES, "coupon-issued", "coupon-changed"];
export const DELIVERIES = ["delivery-received", ...STOREFRONT];

export const liveState = ref<LiveState>("off");
const listeners = new Set<Listener>();
let source: EventSource | null = null;
let failures = 0;
let retry = 0;
let touchedAt = Date.now();

/** Ask again when one of these comes, soon after it and not more often than every two seconds. */
export function useLive(types: readonly string[], refresh: () => unknown, concerns: (news: News) => boolean = () => true): void {
  const mine: Listener = { types: new Set(types), concerns, refresh, timers: [], more: false, refreshedAt: 0 };
  listeners.add(mine);
  adjust();
  onScopeDispose(() => {
    listeners.delete(mine);
    mine.timers.forEach(clearTimeout);
    adjust();
  });
}

function due(listener: Listener): void {
  listener.more = true;
  if (listener.timers.length) return;
  const wait = Math.max(SETTLE_MS, listener.refreshedAt + APART_MS - Date.now());
  listener.timers = [wait, wait + AGAIN_MS].map((after, place) => window.setTimeout(() => {
    if (!document.hidden) void listener.refresh();
    listener.refreshedAt = Date.now();
    if (place) {
      listener.timers = [];
      if (listener.more) due(listener);
    }
    listener.more = false;
  }, after));
}
function heard(news: News): void {
  for (const each of listeners) if (each.types.has(news.type) && each.concerns(news)) due(each);
}
function open(program: string): void {
  const stream = new EventSource(`/api/gateway/v1/live?program=${program}`);
  source = stream;
  stream.onopen = () => {
    failures = 0;
    liveState.value = "on";
    listeners.forEach(due);
  };
  stream.onerror = () => {
    liveState.value = "cut";
    if (stream.readyState === EventSource.CLOSED) again();
  };
  stream.addEventListener("news", (event) => heard(JSON.parse((event as MessageEvent<string>).data) as News));
  stream.addEventListener("reset", () => listeners.forEach(due));
  stream.addEventListener("end", again);
}
function close(): void {
  clearTimeout(retry);
  source?.close();
  source = null;
}
function again(): void {
  close();
  liveState.value = "cut";
  retry = window.setTimeout(adjust, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
}
/** Open where somebody listens and looks, close where nobody does. */
function adjust(): void {
  const program = session.program?.program_id;
  const resting = Date.now() - touchedAt > RESTING_MS;
  if (program && listeners.size && !document.hidden && !resting) {
    if (!source) open(program);
    return;
  }
  close();
  liveState.value = resting && listeners.size ? "resting" : "off";
}
function touched(): void {
  touchedAt = Date.now();
  if (liveState.value === "resting") adjust();
}

document.addEventListener("visibilitychange", adjust);
for (const name of ["pointerdown", "keydown", "wheel"]) document.addEventListener(name, touched, { passive: true });
window.setInterval(() => source && adjust(), 30_000);
watch(() => session.program?.program_id, () => {
  close();
  adjust();
});
