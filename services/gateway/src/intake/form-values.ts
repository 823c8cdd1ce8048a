import type { TSchema } from 'typebox';

/**
 * The value of a form field, converted from its text to the JSON type of its schema: numbers, `true` and `false`,
 * and JSON for lists and objects, undefined when it does not parse. Other text that does not convert stays text, which
 * validation then refuses with a pointer to it.
 */
export function formValue(schema: TSchema | undefined, text: string): unknown {
  const { type, anyOf } = (schema ?? {}) as { type?: unknown; anyOf?: unknown };
  switch (type) {
    case 'number':
    case 'integer':
      return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'object':
    case 'array':
      return parseJson(text);
    default:
      // Where a text or an object may be given, only an object begins with a brace.
      return anyOf !== undefined && text.trimStart().startsWith('{') ? parseJson(text) : text;
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
