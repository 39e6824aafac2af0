// First settings of a program: saved and published in one go.
import { api, type Service } from "@/shared/client";
import { Problem } from "@/shared/problem";

const KNOWN_MS = 30_000;
const AGAIN_MS = 250;
export type Settled = Exclude<Service, "campaigns">;
const PLACES = {
  members: "/v1/settings/{document}",
  points: "/v1/settings/{document}",
  analytics: "/v1/settings/{document}",
  gateway: "/api/gateway/v1/settings/{document}",
} as const;

/** Publish a document that a new program does not have yet. The service may still have to hear of the program. */
export async function publishFirst(service: "members" | "points", document: string, body: Record<string, unknown>): Promise<void> {
  const path = { document };
  const deadline = Date.now() + KNOWN_MS;
  for (;;) {
    try {
      const saved = await api(service, "put", "/v1/settings/{document}", { path, body, match: '"0.0"' });
      await api(service, "post", "/v1/settings/{document}:publish", { path, match: saved.etag });
      return;
    } catch (error) {
      const unheard = error instanceof Problem && error.status === 404 && Date.now() < deadline;
      if (!unheard) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

export function settingsPath(service: Settled): (typeof PLACES)[Settled] {
  return PLACES[service];
}
