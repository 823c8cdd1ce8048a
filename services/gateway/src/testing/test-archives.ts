import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';

/** What an archive of a test has in it, in this order. */
export interface TestEntry extends Partial<Header> {
  readonly name: string;
  readonly contents?: string | Buffer;
}

/** A tar of these entries. */
export async function tarOf(entries: readonly TestEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { contents, ...header } of entries) {
    if (contents === undefined) tar.entry(header);
    else tar.entry(header, contents);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function tarGzOf(entries: readonly TestEntry[]): Promise<Buffer> {
  return gzipSync(await tarOf(entries));
}
