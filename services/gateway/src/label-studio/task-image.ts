import { TesseraError, type Config } from '@tessera/contracts';
import type { TrustedOrigin } from '@tessera/images';

/** Where an image of a task is read from. */
export interface TaskImage {
  /** As an image field of other routes. */
  readonly source: string;
  readonly trustedOrigin?: TrustedOrigin;
}

/** Paths under which Label Studio gives the files of tasks. Its token opens no other. */
const filePaths = ['/data/upload/', '/data/local-files/', '/storage-data/uploaded/'];

/**
 * The image in a task's data: a URL, a data URL or an id as everywhere, or a path of Label Studio, `/data/upload/…`, which
 * becomes a URL of `LABEL_STUDIO_URL`, fetched with `LABEL_STUDIO_API_KEY`.
 *
 * @throws TesseraError `TSR_IMAGE_SOURCE_INVALID` for other paths, and for any without `LABEL_STUDIO_URL`
 */
export function taskImage(value: string, { LABEL_STUDIO_URL: studio, LABEL_STUDIO_API_KEY: key }: Config): TaskImage {
  const text = value.trim();
  const isPath = text.startsWith('/') && !text.startsWith('//');
  if (studio === undefined) {
    if (!isPath) return { source: text };
    throw invalid('is a path of Label Studio; set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY');
  }
  const base = new URL(studio);
  const url = isPath || /^https?:/i.test(text) ? parseUrl(text, base) : undefined;
  if (url?.origin !== base.origin) return { source: text };
  if (!isFile(url)) {
    throw invalid(`is no file of a task; the paths of those start with ${filePaths.join(', ')}`);
  }
  const trustedOrigin = { origin: base.origin, trusts: isFile, authorization: authorizationOf(key) };
  return { source: url.href, trustedOrigin };
}

/**
 * Whether a URL of Label Studio is a file of a task, to any server that decodes it: it has no slashes or backslashes that are
 * encoded, however often, and no dots that lead out of the path.
 */
function isFile({ pathname, search }: URL): boolean {
  if (!filePaths.some((path) => pathname.startsWith(path))) return false;
  const path = decoded(pathname);
  const leadsOut = [...path.split('/'), ...decoded(search).split(/[/\\=&?]/)].some((part) =>
    /^\.{1,2}(;.*)?$/.test(part),
  );
  // eslint-disable-next-line no-control-regex -- servers end or refuse a path there
  return !leadsOut && path.split('/').length === pathname.split('/').length && !/[\\\u0000-\u001f]/.test(path);
}

/** Without any escapes, those that come to light while it is decoded included; byte by byte. */
function decoded(text: string): string {
  const once = text.replaceAll(/%([\da-f]{2})/gi, (_escape, code: string) => String.fromCharCode(parseInt(code, 16)));
  return once === text ? text : decoded(once);
}

function parseUrl(text: string, base: URL): URL | undefined {
  return URL.canParse(text, base.href) ? new URL(text, base) : undefined;
}

/** Access tokens that are JSON web tokens are sent in another way than legacy ones. */
function authorizationOf(key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(key) ? `Bearer ${key}` : `Token ${key}`;
}

function invalid(reason: string): TesseraError {
  return new TesseraError('TSR_IMAGE_SOURCE_INVALID', `The image of the task ${reason}.`);
}
