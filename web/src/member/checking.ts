// Checking in. Points of it come by the log: they are looked for until they are there.
import { api } from "@/shared/client";
import { visit } from "./visit";

const TRIES = 15;
const APART_MS = 1000;

/** Check in; whether it was done before. Throws Problem. */
export async function checkIn(): Promise<boolean> {
  const before = visit.session?.checked_in_today ?? false;
  const already = visit.preview ? before : (await api("gateway", "post", "/api/gateway/v1/member-sessions/current:check-in")).body.already;
  if (visit.session) visit.session.checked_in_today = true;
  return already;
}

/** Load until something is there, or it has taken too long. */
export async function until(load: () => Promise<void>, there: () => boolean): Promise<void> {
  for (let tries = 0; tries < TRIES && !there(); tries++) {
    await new Promise((resolve) => setTimeout(resolve, APART_MS));
    await load();
  }
}
