import { classifyLimits, TesseraError } from '@tessera/contracts';
import { canonicalName } from './primitive-name.js';

/** One or more attributes, then the object, in the order of the prompt: `["old", "white", "cat"]`. */
export type Composition = readonly string[];

const nameLengthMax = 128;
const keySeparator = '\0';

/** The object of a composition: its last name. */
export function objectOf(composition: Composition): string {
  return composition.at(-1) ?? '';
}

/** What a person calls a composition: its names with spaces between. */
export function compositionLabel(composition: Composition): string {
  return composition.join(' ');
}

/**
 * What compositions are compared by: their {@link canonicalName}s. Names have no control characters (see
 * {@link checkName}), so different compositions have different keys.
 */
export function compositionKey(composition: Composition): string {
  return composition.map(canonicalName).join(keySeparator);
}

/**
 * Checks one name of an attribute or object.
 *
 * @param pointer - JSON pointer to the name in the request
 * @throws TesseraError `TSR_VALIDATION`
 */
export function checkName(name: string, pointer: string): void {
  const message = nameProblem(name);
  if (message !== undefined) throw invalid('A name cannot be used.', pointer, message);
}

/**
 * Checks that a composition has an object and at least one attribute, and not too many.
 *
 * @param pointer - JSON pointer to the composition in the request
 * @throws TesseraError `TSR_VALIDATION`
 */
export function checkLength(composition: Composition, pointer: string): void {
  const attributes = composition.length - 1;
  if (attributes >= 1 && attributes <= classifyLimits.attributesOfPair) return;
  throw invalid(
    'A pair cannot be used.',
    pointer,
    `must have 1 to ${classifyLimits.attributesOfPair} attributes and then an object, has ${composition.length} names`,
  );
}

/** A `TSR_VALIDATION` error about one field. */
export function invalid(detail: string, pointer: string, message: string): TesseraError {
  return new TesseraError('TSR_VALIDATION', detail, { fields: [{ pointer, message }] });
}

function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'must not be blank';
  if (name.length > nameLengthMax) return `must have at most ${nameLengthMax} characters`;
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return 'must not have control characters or lone surrogates';
  return undefined;
}
