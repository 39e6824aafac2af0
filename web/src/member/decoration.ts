// How a shop has decorated its member centre, and what there is where it has not.
export interface Picture {
  file: string;
  alt: string;
}
export interface Poster {
  image: Picture;
  link: string | null;
}
export const COLOURS = ["ink", "jade", "amber", "plum"] as const;
export interface Decoration {
  join: { text: string };
  card: { colour: (typeof COLOURS)[number]; image: Picture | null };
  benefits: string[];
  /** The tier from which a right is had, by its code. */
  rights_from: Record<string, string>;
  posters: Poster[];
  entries: string[];
}

/** Where nothing is decorated: what every program has. */
export const PLAIN: Decoration = {
  join: { text: "" },
  card: { colour: "ink", image: null },
  benefits: ["points-for-shopping", "exclusive-coupon", "join-gift"],
  rights_from: {},
  posters: [],
  entries: ["points", "check-in", "coupons"],
};

/** The address of a picture of a program. */
export function pictureUrl(program: string, picture: Picture): string {
  return `/media/${program}/${picture.file}`;
}
