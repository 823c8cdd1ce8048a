import { readFile, stat } from 'node:fs/promises';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { UsageError } from '../command-errors.js';

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/**
 * A text file of a data set. What is not UTF-8 is read as Windows-1252, as LISA reads ReasonSeg.
 *
 * @throws UsageError when it cannot be read
 */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/**
 * A JSON file of a data set. Fields that the schema does not name may be there.
 *
 * @throws UsageError when it cannot be read, or is something else; the message says where
 */
export async function readJson<Schema extends TSchema>(path: string, schema: Schema): Promise<Static<Schema>> {
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is not JSON.`);
  }
  return checked(value, schema, path);
}

/** @throws UsageError when a value of a file is not as the schema says; the message says where */
export function checked<Schema extends TSchema>(value: unknown, schema: Schema, path: string): Static<Schema> {
  if (Value.Check(schema, value)) return value;
  const [problem] = Value.Errors(schema, value);
  throw new UsageError(`${path} is not as expected: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}.`);
}
