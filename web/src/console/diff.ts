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
