import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { TesseraError } from '@tessera/contracts';
import { extract, type Extract, type Header } from 'tar-stream';
import { tooLarge } from '../problems/too-large.js';

export interface ArchiveLimits {
  /** As sent, and again as unpacked. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export interface ArchiveFile {
  /** Without a leading `./`; has neither `..` nor an empty part, and does not begin with `/`. */
  readonly path: string;
  /**
   * The contents; a file whose contents are not asked for before the next file is skipped.
   *
   * @throws TesseraError `TSR_BODY_TOO_LARGE`
   */
  read(maxBytes: number): Promise<Buffer>;
}

/** The part of the library's entry that is used here. */
interface Entry extends AsyncIterable<unknown> {
  readonly header: Header;
}

const longestPath = 512;
const gzipMagic = Buffer.from([0x1f, 0x8b]);

/**
 * The regular files of a tar or tar.gz archive, as they arrive; nothing is written to a disk. Directories are
 * skipped, links and devices refused. A source that is not read to its end is not destroyed.
 *
 * @throws TesseraError `TSR_ARCHIVE_INVALID`, or `TSR_BODY_TOO_LARGE` beyond the limits
 */
export async function* readArchive(source: Readable, limits: ArchiveLimits): AsyncGenerator<ArchiveFile> {
  const unpacker = extract();
  const inlet = inletOf(source);
  const unpacking = unpack(inlet, unpacker, limits.maxBytes);
  unpacking.catch(() => undefined);
  let entries = 0;
  try {
    for await (const entry of unpacker) {
      if (++entries > limits.maxEntries) {
        throw new TesseraError('TSR_BODY_TOO_LARGE', `The archive has more than ${limits.maxEntries} entries.`);
      }
      const path = entryPath(entry);
      if (path !== null) yield { path, read: (maxBytes) => readEntry(entry, path, maxBytes) };
      entry.resume();
    }
    await unpacking;
  } catch (error) {
    throw damaged(error);
  } finally {
    // The sender must be able to send the rest of the source, also when the archive is refused.
    source.unpipe(inlet);
    inlet.destroy();
  }
}

function inletOf(source: Readable): PassThrough {
  const inlet = new PassThrough();
  source.once('error', (error) => inlet.destroy(error));
  source.once('close', () => {
    if (!source.readableEnded) inlet.destroy(new Error('it ends early'));
  });
  inlet.on('error', () => undefined);
  return source.pipe(inlet);
}

async function unpack(source: Readable, unpacker: Extract, maxBytes: number): Promise<void> {
  const sent = counted(source, maxBytes, 'is larger');
  let head = Buffer.alloc(0);
  while (head.length < gzipMagic.length) {
    const next = await sent.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = prepend(head, sent);
  if (head.subarray(0, gzipMagic.length).equals(gzipMagic)) {
    const unzipped = (chunks: AsyncIterable<Buffer>) => counted(chunks, maxBytes, 'unpacks to more');
    await pipeline(whole, createGunzip(), unzipped, unpacker);
  } else {
    await pipeline(whole, unpacker);
  }
}

async function* prepend(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

async function* counted(chunks: AsyncIterable<Buffer>, maxBytes: number, excess: string): AsyncGenerator<Buffer> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      throw new TesseraError('TSR_BODY_TOO_LARGE', `The archive ${excess} than ${maxBytes / 1e6} megabytes.`);
    }
    yield chunk;
  }
}

/** The path of a file; null for a directory. */
function entryPath({ header: { name, type } }: Entry): string | null {
  if (type === 'directory') return null;
  const shown = JSON.stringify(name.slice(0, 128));
  if (type !== 'file' && type !== 'contiguous-file') {
    throw new TesseraError('TSR_ARCHIVE_INVALID', `The archive has a ${type} in it: ${shown}.`);
  }
  const path = name.replace(/^(\.\/+)+/, '');
  const isPlain = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  // A backslash separates on some systems, and control characters have no place in a name.
  if (!isPlain || path.length > longestPath || /[\\\p{Cc}]/u.test(path)) {
    throw new TesseraError('TSR_ARCHIVE_INVALID', `The archive has a file with an unusable path: ${shown}.`);
  }
  return path;
}

async function readEntry(entry: Entry, path: string, maxBytes: number): Promise<Buffer> {
  if (entry.header.size > maxBytes) {
    throw tooLarge(path, maxBytes);
  }
  const chunks: Buffer[] = [];
  try {
    // The library reads and gives bytes.
    for await (const chunk of entry) chunks.push(chunk as Buffer);
  } catch (error) {
    throw damaged(error);
  }
  return Buffer.concat(chunks);
}

/** A `TesseraError` as it is; the libraries that unpack throw other errors. */
function damaged(cause: unknown): TesseraError {
  if (TesseraError.isInstance(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : 'it cannot be read';
  return new TesseraError('TSR_ARCHIVE_INVALID', `The archive is damaged, or no tar or tar.gz: ${reason}.`, { cause });
}
