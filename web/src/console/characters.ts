// How many characters people see: grapheme clusters, as the service counts them.
const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

export function characters(text: string): number {
  return [...segmenter.segment(text)].length;
}
