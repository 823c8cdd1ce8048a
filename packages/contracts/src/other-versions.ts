import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { TesseraError } from './errors.js';

const validators = new WeakMap<TSchema, Validator>();

/**
 * A value that another process of the service made, which may be of another version, once it is known to match.
 *
 * @param what - names the value at the beginning of a sentence
 * @throws TesseraError `TSR_VERSION_MISMATCH` that says where the value differs
 */
export function requireMatch<Schema extends TSchema>(schema: Schema, value: unknown, what: string): Static<Schema> {
  const validator = validators.get(schema) ?? Compile(schema);
  validators.set(schema, validator);
  if (validator.Check(value)) return value as Static<Schema>;
  const findings = validator.Errors(value);
  // The deepest finding says most: that no branch of a union fits does not tell what is wrong in them.
  const depth = (path: string) => path.split('/').length;
  const finding = findings.reduce((deepest, other) =>
    depth(other.instancePath) > depth(deepest.instancePath) ? other : deepest,
  );
  const { keyword, instancePath, message } = finding;
  const problem = keyword === 'boolean' ? 'is not a known field' : message;
  throw versionMismatch(`${what} cannot be read: ${`${instancePath} ${problem}`.trim()}`);
}

/**
 * As {@link requireMatch}, for stored UTF-8 JSON.
 *
 * @throws TesseraError `TSR_VERSION_MISMATCH`, also for what is no JSON
 */
export function parseMatching<Schema extends TSchema>(schema: Schema, json: Uint8Array, what: string): Static<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(json));
  } catch {
    throw versionMismatch(`${what} cannot be read: this is no JSON`);
  }
  return requireMatch(schema, value, what);
}

/** The error for what only another version understands. */
export function versionMismatch(problem: string): TesseraError {
  return new TesseraError(
    'TSR_VERSION_MISMATCH',
    `${problem}. It was made by another version of Tessera; bring gateways and workers to the same version.`,
  );
}
