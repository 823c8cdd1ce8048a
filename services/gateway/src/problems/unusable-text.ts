import { TesseraError } from '@tessera/contracts';
import { escapePointer } from './validation-fields.js';

/** The message of the error. */
export const unusableText = 'must not contain a NUL character or half of a surrogate pair';

/** @throws TesseraError `TSR_VALIDATION` with a pointer to the first text of a body that cannot be used */
export function requireUsableText(body: unknown): void {
  const pointer = findUnusableText(body);
  if (pointer !== undefined) throw TesseraError.invalid([{ pointer, message: unusableText }]);
}

/** JSON pointer to the first text in a JSON value that has a NUL or half of a surrogate pair; undefined without one. */
export function findUnusableText(value: unknown): string | undefined {
  if (typeof value === 'string') return /\0|\p{Surrogate}/u.test(value) ? '' : undefined;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  for (const [name, child] of Object.entries(value)) {
    const pointer = findUnusableText(child);
    if (pointer !== undefined) return `/${escapePointer(name)}${pointer}`;
  }
  return undefined;
}
