/** The plural of a noun that forms it with an ending: “buses”, “cups”. */
export function regularPlural(noun: string): string {
  return /(?:s|x|ch|sh)$/u.test(noun) ? `${noun}es` : `${noun}s`;
}
