// What differs between two documents, place by place.
export interface Change {
  pointer: string;
  before: unknown;
  after: unknown;
}

export function differences(before: unknown, after: unknown): Change[] {
  const [old, fresh] = [leaves(before), leaves(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((pointer) => JSON.stringify(old.get(pointer)) !== JSON.stringify(fresh.get(pointer)))
    .sort()
    .map((pointer) => ({ pointer, before: old.get(pointer), after: fresh.get(pointer) }));
}

function leaves(value: unknown, pointer = ""): Map<string, unknown> {
  if (value === null || typeof value !== "object") return new Map([[pointer, value]]);
  const entries = Object.entries(value);
  if (!entries.length) return new Map([[pointer, value]]);
  return new Map(entries.flatMap(([key, each]) => [...leaves(each, `${pointer}/${key}`)]));
}

/** A place where two people changed one document: what was there, and what either made of it. */
export interface Clash {
  pointer: string;
  before: unknown;
  theirs: unknown;
  mine: unknown;
}
/** What is chosen of each place that differs; lists of another length are chosen whole. */
type Choose = (clash: Clash) => unknown;

/** Where theirs and mine differ. */
export function clashes(before: unknown, theirs: unknown, mine: unknown): Clash[] {
  const found: Clash[] = [];
  merge(before, theirs, mine, (clash) => found.push(clash));
  return found;
}

/** One document of two: what is the same, and of the rest what is chosen; undefined: it is left out. */
export function merge(before: unknown, theirs: unknown, mine: unknown, choose: Choose, pointer = ""): unknown {
  if (JSON.stringify(theirs) === JSON.stringify(mine)) return mine;
  const lists = Array.isArray(theirs) && Array.isArray(mine) && theirs.length === mine.length;
  if (!lists && !(holds(theirs) && holds(mine))) return choose({ pointer, before, theirs, mine });
  const keys = [...new Set([...Object.keys(theirs as object), ...Object.keys(mine as object)])];
  const entries = keys.map((key): [string, unknown] => {
    const [old, other, own] = [before, theirs, mine].map((each) => (each as Record<string, unknown> | null | undefined)?.[key]);
    return [key, merge(old, other, own, choose, `${pointer}/${key}`)];
  });
  if (lists) return entries.map(([, value]) => value);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function holds(value: unknown): value is object {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
