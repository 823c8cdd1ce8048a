// eslint-disable-next-line no-control-regex -- these are what is looked for
const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text that a terminal takes for text alone and shows in its order: control characters but line feeds and tabs, and marks
 * that turn the direction of writing, are shown as `\u001b`, which in JSON stands for the same character.
 */
export function printable(text: string): string {
  return text.replace(steering, escaped);
}

/** The same for a text that has one line. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
