const spelled: ReadonlyMap<string, string> = new Map([
  ['1st', 'first'],
  ['2nd', 'second'],
  ['3rd', 'third'],
  ['4th', 'fourth'],
]);

/** A text in small letters with “2nd” as “second”: the reasoner knows ordinals up to the fourth, and knows them as words. */
export function spelledOrdinals(text: string): string {
  return text.replaceAll(/\b\d(?:st|nd|rd|th)\b/gu, (ordinal) => spelled.get(ordinal) ?? ordinal);
}
