import { isUtf8 } from 'node:buffer';
import { MetadataRow, TesseraError, trainingLimits, type ExampleSet } from '@tessera/contracts';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { requireBoundedJson } from './bounded-json.js';
import { findUnusableText } from '../problems/unusable-text.js';

/** The entry of one image in `metadata.json`. */
export interface MetadataEntry {
  /** Path below `images/`. */
  readonly image: string;
  readonly attributes: string[];
  readonly object: string;
  readonly set: ExampleSet;
}

const rows = Compile(Type.Array(MetadataRow));
/** Rows may have fields of other programs, too. */
const bounds = { containers: 10 * trainingLimits.examples, values: 40 * trainingLimits.examples };
const imageDirectory = 'images/';

/**
 * Reads the `metadata.json` of a training set: a JSON array of {@link MetadataRow}.
 *
 * @throws TesseraError `TSR_ARCHIVE_INVALID` with the first invalid row and its error
 */
export function parseMetadata(file: Uint8Array): MetadataEntry[] {
  if (!isUtf8(file)) throw invalid('is not valid UTF-8');
  requireBounded(file);
  const value = parseJson(file);
  if (Array.isArray(value) && value.length > trainingLimits.examples) {
    throw invalid(`has ${value.length} rows, more than ${trainingLimits.examples}`);
  }
  if (!rows.Check(value)) {
    const [problem] = rows.Errors(value);
    throw invalid(`is not as it should be: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}`);
  }
  if (value.length === 0) throw invalid('has no rows');
  const entries = value.map(toEntry);
  const unusable = findUnusableText(entries);
  if (unusable !== undefined) throw invalid(`has a NUL character or half of a surrogate pair at ${unusable}`);
  return entries;
}

/** A few kilobytes of an archive unpack to lists that would fill the memory of the process. */
function requireBounded(file: Uint8Array): void {
  try {
    requireBoundedJson(Buffer.from(file.buffer, file.byteOffset, file.byteLength), bounds, 'metadata.json');
  } catch (error) {
    if (!TesseraError.isInstance(error)) throw error;
    throw new TesseraError('TSR_ARCHIVE_INVALID', error.message, { cause: error });
  }
}

function parseJson(file: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('utf8')) as unknown;
  } catch (cause) {
    throw invalid('is not JSON', cause);
  }
}

function toEntry(row: MetadataRow, index: number): MetadataEntry {
  const attributes = row.attributes ?? row.attr;
  const object = row.object ?? row.obj;
  if (attributes === undefined) throw invalid(`has no attributes in row ${index}`);
  if (object === undefined) throw invalid(`has no object in row ${index}`);
  return {
    image: row.image.startsWith(imageDirectory) ? row.image.slice(imageDirectory.length) : row.image,
    attributes: typeof attributes === 'string' ? [attributes] : attributes,
    object,
    set: row.set ?? 'train',
  };
}

function invalid(problem: string, cause?: unknown): TesseraError {
  return new TesseraError('TSR_ARCHIVE_INVALID', `metadata.json ${problem}.`, { cause });
}
