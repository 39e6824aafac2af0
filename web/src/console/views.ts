// Filters of a list under a name, kept in this browser by program and list.
import { ref } from "vue";
import { session } from "./session";

export type Query = Record<string, string>;
export interface View {
  name: string;
  query: Query;
}

/** Only what is narrowed by, in one order. */
export function narrowed(query: Query): Query {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value).sort(([a], [b]) => a.localeCompare(b)));
}

export function useViews(list: string) {
  const place = `shuke.views.${session.program?.program_id ?? ""}.${list}`;
  const views = ref<View[]>(read(place));

  function write(found: View[]): void {
    views.value = found;
    localStorage.setItem(place, JSON.stringify(found));
  }
  return {
    views,
    /** The name of the view that shows exactly this. */
    named: (query: Query) => views.value.find((each) => JSON.stringify(each.query) === JSON.stringify(narrowed(query)))?.name ?? "",
    /** Keep under a name; one of that name before is replaced. */
    keep: (name: string, query: Query) =>
      write([...views.value.filter((each) => each.name !== name), { name, query: narrowed(query) }].sort((a, b) => a.name.localeCompare(b.name))),
    forget: (name: string) => write(views.value.filter((each) => each.name !== name)),
  };
}

function read(place: string): View[] {
  try {
    return JSON.parse(localStorage.getItem(place) ?? "[]") as View[];
  } catch {
    return [];
  }
}
