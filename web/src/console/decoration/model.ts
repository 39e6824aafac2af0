// The document of a decoration, and what may be chosen in it.
export const COLOURS = ["ink", "jade", "amber", "plum"] as const;
export const BACKGROUNDS = ["mist", "dawn", "pine", "dusk"] as const;
export const RIGHTS = [
  "join-gift", "exclusive-coupon", "exclusive-gift", "points-redemption", "points-for-shopping",
  "exclusive-service", "exchange-15-days", "priority-refund", "birthday",
] as const;
export const REVIEWS = ["weekly", "at-once"] as const;
export const ENTRIES = ["points", "check-in", "coupons"] as const;
export const JOIN_CHARACTERS = 4500;
export const MODULE_CHARACTERS = 13;
export const MOST_POSTERS = 3;
export type Right = (typeof RIGHTS)[number];
export type Entry = (typeof ENTRIES)[number];

export interface Image {
  file: string;
  alt: string;
}
export interface Decoration {
  join: { text: string };
  card: { colour: string; image: Image | null };
  benefits: Right[];
  /** The tier from which a right is had; absent: all members have it. Absent in versions from before. */
  rights_from?: Partial<Record<Right, string>>;
  posters: { image: Image; link: string | null }[];
  entries: Entry[];
  module: { mode: string; text: string; background: string; image: Image | null; origins: string[] };
  /** Absent in versions from before there was a tab. */
  tab?: { review: string };
}

/** What a program begins with; its join text is filled in the language of whoever decorates. */
export function initial(text: string): Decoration {
  return {
    join: { text },
    card: { colour: "ink", image: null },
    benefits: ["join-gift", "exclusive-coupon", "points-for-shopping", "exclusive-service"],
    rights_from: {},
    posters: [],
    entries: ["points", "check-in", "coupons"],
    module: { mode: "smart", text: "", background: "mist", image: null, origins: [] },
    tab: { review: "weekly" },
  };
}
