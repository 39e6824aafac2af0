// The sentence that explains points: the API ends it with the code of the tier that multiplied them.

/** The sentence with the tier's name instead of its code; without a name, without the code. */
export function withTier(sentence: string, tier: string | undefined, name = ""): string {
  if (!tier) return sentence;
  const tail = [`（${tier}）`, ` (${tier})`].find((each) => sentence.endsWith(each));
  return tail ? sentence.slice(0, -tail.length) + (name && tail.replace(tier, name)) : sentence;
}
