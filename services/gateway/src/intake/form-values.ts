import type { TSchema } from 'typebox';

/**
 * The value of a form field, converted from its text to the JSON type of its schema: numbers, `true` and `false`,
 * and JSON for objects. Text that does not convert stays text, which validation then refuses with a pointer to it.
 */
export function formValue(schema: TSchema | undefined, text: string): unknown {
  switch ((schema as { type?: unknown } | undefined)?.type) {
    case 'number':
    case 'integer':
      return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'object':
      return parseJson(text) ?? text;
    default:
      return text;
  }
}

/** The value that a JSON text holds, or undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
