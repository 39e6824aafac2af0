// Who has come to which member centre, and what they may see of it.
import { computed, reactive } from "vue";
import { api, guards } from "@/shared/client";
import { place } from "@/shared/format";
import { asProblem, Problem } from "@/shared/problem";
import { PLAIN, type Decoration } from "./decoration";
import { asked, type Centre, type Own, type Session } from "./own";

const CURRENT = "/api/gateway/v1/member-sessions/current";
const NOBODY = [401, 403];

/** A shop's token: taken out of the address before anything remembers it, and sent once. */
let brought = /^#token=(.+)$/.exec(location.hash)?.[1];
if (brought) history.replaceState(history.state, "", location.pathname + location.search);

interface State {
  program: string;
  preview: boolean;
  centre: Centre | null;
  session: Session | null;
  /** A shop's token was brought that is not good any more. */
  stale: boolean;
  /** Why the centre or the session could not be had. */
  problem: Problem | null;
  /** Rises with everything that pages show anew. */
  revision: number;
}

export const visit = reactive<State>({
  program: location.pathname.split("/")[2] ?? "",
  preview: new URLSearchParams(location.search).get("preview") === "1",
  centre: null,
  session: null,
  stale: false,
  problem: null,
  revision: 0,
});
const sources: { own: Own } = { own: asked };

export const decoration = computed<Decoration>(() => ({ ...PLAIN, ...(visit.centre?.decoration as Partial<Decoration> | null) }));
/** guest: nobody came in; eligible: somebody who may join; member. */
export const standing = computed<"guest" | "eligible" | "member">(() => visit.session?.state ?? "guest");

/** Where what is a shopper's own comes from. */
export function own(): Own {
  return sources.own;
}

export function show(centre: Centre): void {
  visit.centre = centre;
  place.zone = centre.timezone;
  place.currency = centre.currency;
}

/** Let samples stand for what is asked. */
export function sample(centre: Centre, session: Session | null, samples: Own): void {
  sources.own = samples;
  show(centre);
  visit.session = session;
  visit.revision += 1;
}

/** Take a session as the API gives it; one of another program's centre is nobody's here. */
export function take(found: Session | null): void {
  visit.session = found?.program_id === visit.program ? found : null;
  guards.csrf = visit.session?.csrf_token ?? "";
}

/** Look at the centre, and at who comes: by a shop's token, or by the cookie of before. */
export async function arrive(): Promise<void> {
  visit.problem = null;
  try {
    const [centre] = await Promise.all([
      api("gateway", "get", "/api/gateway/v1/centres/{program_id}", { path: { program_id: visit.program } }),
      came(),
    ]);
    show(centre.body);
  } catch (error) {
    visit.problem = asProblem(error);
  }
}

async function came(): Promise<void> {
  const token = brought;
  brought = undefined;
  if (token) {
    try {
      await enter({ program_id: visit.program, token });
      return;
    } catch (error) {
      if (asProblem(error).status !== 401) throw error;
      visit.stale = true;
    }
  }
  await recall();
}

export async function recall(): Promise<void> {
  try {
    take((await api("gateway", "get", CURRENT)).body);
  } catch (error) {
    if (!NOBODY.includes(asProblem(error).status)) throw error;
    take(null);
  }
}

type Proof = { program_id: string; token: string } | { program_id: string; phone: string; code: string };

/** Come in by what proves who comes. Throws Problem. */
export async function enter(proof: Proof): Promise<void> {
  take((await api("gateway", "post", "/api/gateway/v1/member-sessions", { body: proof })).body);
  visit.stale = false;
}

export async function leave(): Promise<void> {
  await api("gateway", "delete", CURRENT);
  take(null);
}
