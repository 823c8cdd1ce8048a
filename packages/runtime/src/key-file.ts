import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError, parseApiKeysFile, type NamedApiKey } from '@tessera/contracts';

/**
 * SHA-256 of an API key, which is what is stored of it. The key is a long random token: a slow hash would protect it no
 * better, and would make every request slow.
 */
export function digestOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * The keys of an `API_KEYS_FILE`.
 *
 * @throws ConfigError when it cannot be read, or is not valid
 */
export async function readKeyFile(file: string): Promise<readonly NamedApiKey[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${file} cannot be read: ${code}.`, { cause: error });
  }
  return parseApiKeysFile(text, file);
}
