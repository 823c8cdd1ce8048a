/** Formats that browsers show and that are no photos. */
const drawings = ['image/svg+xml'];

/**
 * Why a file is not opened as a photo; undefined for one that may be. The browser knows the types of files by their names:
 * one that it has no type for, as HEIC often, is left to the service.
 */
export function refusalOf({ name, type, size }: Pick<File, 'name' | 'type' | 'size'>): string | undefined {
  const file = name === '' ? 'The file' : name;
  if (size === 0) return `${file} is empty.`;
  if (drawings.includes(type)) return `${file} is a vector drawing. Export it as PNG or JPEG first.`;
  if (type === '' || type.startsWith('image/')) return undefined;
  return `${file} is not a photo. Choose a JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP file.`;
}
