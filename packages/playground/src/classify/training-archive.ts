/** A file of a training directory, by its path below it. */
export interface TrainingFile {
  readonly path: string;
  readonly file: Blob;
}

const blockBytes = 512;
/** A path that a header of the format ustar holds without a prefix. */
const longestPathBytes = 100;

/**
 * A training directory as a tar archive (POSIX ustar). The files are not read before they are sent.
 *
 * @throws Error when there is no `metadata.json`, or a path is too long for the archive
 */
export function trainingArchive(files: readonly TrainingFile[]): Blob {
  const wanted = files.filter(({ path }) => path === 'metadata.json' || path.startsWith('images/'));
  if (!wanted.some(({ path }) => path === 'metadata.json')) {
    throw new Error('The folder has no metadata.json, which says what each photo in images/ shows.');
  }
  // The service reads the metadata before the photos.
  const ordered = wanted.toSorted(
    (one, other) => Number(other.path === 'metadata.json') - Number(one.path === 'metadata.json'),
  );
  const parts = ordered.flatMap(({ path, file }) => [
    header(path, file.size),
    file,
    new Uint8Array(padding(file.size)),
  ]);
  return new Blob([...parts, new Uint8Array(2 * blockBytes)]);
}

function padding(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes;
}

function header(path: string, bytes: number): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(path);
  if (name.length > longestPathBytes) throw new Error(`The path ${path} is too long; rename the photo.`);
  const block = new Uint8Array(blockBytes);
  const write = (offset: number, text: string) => {
    block.set(new TextEncoder().encode(text), offset);
  };
  block.set(name);
  write(100, '0000644\0');
  write(108, '0000000\0');
  write(116, '0000000\0');
  write(124, `${bytes.toString(8).padStart(11, '0')}\0`);
  write(136, '00000000000\0');
  write(148, ' '.repeat(8));
  write(156, '0');
  write(257, 'ustar\0');
  write(263, '00');
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  write(148, `${checksum.toString(8).padStart(6, '0')}\0 `);
  return block;
}
