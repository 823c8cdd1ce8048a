import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';

/** Smaller files are hashed at every start: it takes about a tenth of a second, and nothing can be wrong about it. */
const rememberedFromBytes = 64 * 1024 * 1024;

/** A file that changed this recently may change again without another time stamp: file systems count in ticks of 10 ms. */
const settledAfterMs = 100;

const HashRecord = Type.Record(
  Type.String(),
  Type.Object({ state: Type.String(), sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }) }),
);
/** Of a file by its path: its state when it was read, and what it hashed to. */
type HashRecord = Static<typeof HashRecord>;

/** SHA-256 of files; those of large files are remembered from one process to the next while the files stay as they are. */
export class FileHashes {
  readonly #recordFiles: readonly string[];
  readonly #records: readonly HashRecord[];
  readonly #rememberedFromBytes: number;
  readonly #current: HashRecord = {};

  private constructor(recordFiles: readonly string[], records: readonly HashRecord[], fromBytes: number) {
    this.#recordFiles = recordFiles;
    this.#records = records;
    this.#rememberedFromBytes = fromBytes;
  }

  /**
   * @param recordFiles - where hashes are remembered: each is read, the first one that can be written is; those that are
   *   missing, unreadable or damaged count as empty. Without any nothing is remembered.
   * @param fromBytes - size from which a file is remembered
   */
  static async open(recordFiles: readonly string[], fromBytes = rememberedFromBytes): Promise<FileHashes> {
    return new FileHashes(recordFiles, await Promise.all(recordFiles.map(readRecord)), fromBytes);
  }

  /**
   * The SHA-256 of a file, in hexadecimal digits.
   *
   * @param expected - what it should be: a remembered hash counts only when it is this one
   */
  async sha256(file: string, expected: string): Promise<string> {
    const before = await fileState(file);
    const isRemembered = this.#records.some((record) => {
      const entry = Object.hasOwn(record, file) ? record[file] : undefined;
      return entry?.state === before.text && entry.sha256 === expected;
    });
    const isLarge = before.bytes >= this.#rememberedFromBytes;
    const startedAt = Date.now();
    const sha256 = isLarge && isRemembered ? expected : await hashFile(file);
    const isSettled = startedAt - before.changedAt > settledAfterMs && (await fileState(file)).text === before.text;
    if (isLarge && isSettled) this.#current[file] = { state: before.text, sha256 };
    return sha256;
  }

  /** Remembers the large files that were hashed, and no others. Where nothing can be written, nothing is remembered. */
  async save(): Promise<void> {
    const entries = Object.entries(this.#current);
    const isKnown = this.#records.some((record) =>
      entries.every(([file, { state, sha256 }]) => record[file]?.state === state && record[file].sha256 === sha256),
    );
    if (isKnown || entries.length === 0) return;
    for (const file of this.#recordFiles) if (await writeRecord(file, this.#current)) return;
  }
}

async function readRecord(file: string): Promise<HashRecord> {
  try {
    const record: unknown = JSON.parse(await readFile(file, 'utf8'));
    return Value.Check(HashRecord, record) ? record : {};
  } catch {
    return {};
  }
}

/** Replaces the file in one step, since several processes may write it; whether that worked. */
async function writeRecord(file: string, record: HashRecord): Promise<boolean> {
  const staging = `${file}.${randomUUID()}`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(staging, `${JSON.stringify(record, null, 2)}\n`);
    await rename(staging, file);
    return true;
  } catch {
    await rm(staging, { force: true }).catch(() => undefined);
    return false;
  }
}

interface FileState {
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
  /** Another one once the file is written, replaced or given other times. */
  readonly text: string;
}

async function fileState(file: string): Promise<FileState> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(file, { bigint: true });
  const changedNs = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return {
    bytes: Number(size),
    changedAt: Number(changedNs / 1_000_000n),
    text: `${size} bytes, modified ${mtimeNs}, changed ${ctimeNs}, inode ${ino}`,
  };
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}
