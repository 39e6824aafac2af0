// Keys of the whole console. None is taken from who is writing, or from an open dialog.
import type { Router } from "vue-router";
import { NAVIGATION } from "./navigation";
import { may } from "./session";

/** After `g`, the page that a letter leads to. */
export const GO: Readonly<Record<string, string>> = {
  d: "dashboard", c: "customers", t: "tiers", p: "points-rules", a: "campaigns", n: "rfm", s: "connections", o: "deliveries",
};
const GO_MS = 1_200;
const ROWS = "main .list tbody tr";
const FOCUSABLE = "a[href], button:not([disabled])";

export interface Opens {
  palette: () => void;
  help: () => void;
}

/** Listen; what is returned ends it. */
export function listen(router: Router, opens: Opens): () => void {
  let goUntil = 0;

  function pressed(event: KeyboardEvent): void {
    const { key } = event;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && key.toLowerCase() === "k") return act(event, opens.palette);
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event.target) || document.querySelector("dialog[open], .el-overlay:not([style*='none'])")) return;
    if (goUntil > Date.now()) {
      goUntil = 0;
      const name = GO[key];
      if (name && permitted(name)) return act(event, () => void router.push({ name }));
    }
    if (key === "g") goUntil = Date.now() + GO_MS;
    else if (key === "/") act(event, opens.palette);
    else if (key === "?") act(event, opens.help);
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "e") edit();
    else if (key === "Escape" && document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

export function permitted(name: string): boolean {
  const entry = NAVIGATION.flatMap((group) => group.entries).find((each) => each.name === name);
  return entry !== undefined && (!entry.permission || may(entry.permission));
}
function act(event: KeyboardEvent, what: () => void): void {
  event.preventDefault();
  what();
}
function writing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
/** To the first thing that can be opened in the next row, or the one before. */
function move(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>(ROWS)].filter((row) => row.querySelector(FOCUSABLE));
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[now < 0 ? (by > 0 ? 0 : rows.length - 1) : now + by];
  next?.querySelector<HTMLElement>(FOCUSABLE)?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
/** What changes the row that has the focus, or else the page. */
function edit(): void {
  const row = document.activeElement?.closest("tr");
  (row ?? document).querySelector<HTMLElement>("[data-edit]")?.click();
}
