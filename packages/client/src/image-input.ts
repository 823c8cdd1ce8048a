import type { ImageSource } from '@tessera/contracts';

/**
 * An image: the bytes of its file, a `File` or `Blob`, its URL, its base64 or data URL, or the `image` of an earlier
 * answer.
 */
export type ImageInput = ImageSource | Bytes | URL;

type Bytes = Uint8Array | ArrayBuffer | Blob;

/** A request's body, as JSON, or as a form where it has bytes. Either can be sent again. */
export type Body = { readonly json: object } | { readonly form: FormData };

/**
 * The body of a request with images. Bytes go as files, which takes three quarters of what base64 takes.
 *
 * @param images - of the field `image` or `images`
 * @param fields - what a form has as fields of its own
 * @param options - what a form has in its field `options`, for routes that have any
 * @throws TypeError for what is no image
 */
export function imageBody(
  images: { readonly image: ImageInput } | { readonly images: readonly ImageInput[] },
  fields: Readonly<Record<string, unknown>>,
  options?: object,
): Body {
  const [name, inputs] = 'image' in images ? ['image', [images.image]] : ['images', images.images];
  if (!inputs.some(isBytes)) {
    const sources = inputs.map((input) => sourceOf(input as Exclude<ImageInput, Bytes>));
    return { json: { ...fields, ...options, [name]: name === 'image' ? sources[0] : sources } };
  }
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(field, typeof value === 'string' ? value : JSON.stringify(value));
  }
  if (options !== undefined) form.append('options', JSON.stringify(options));
  for (const input of inputs) {
    if (isBytes(input)) form.append(name, input instanceof Blob ? input : new Blob([input]));
    else form.append(name, textOf(sourceOf(input)));
  }
  return { form };
}

function isBytes(input: ImageInput): input is Bytes {
  return input instanceof Uint8Array || input instanceof ArrayBuffer || input instanceof Blob;
}

/** The `image` of an answer, which has its size beside its id, can be sent again as it is. */
function sourceOf(input: Exclude<ImageInput, Bytes>): ImageSource {
  if (typeof input === 'string') return input;
  if (input instanceof URL) return input.href;
  // A caller without types may give anything.
  const { url, id } = (input as { readonly url?: unknown; readonly id?: unknown } | null | undefined) ?? {};
  if (typeof url === 'string') return { url };
  if (typeof id === 'string') return { id };
  const type = Object.prototype.toString.call(input).slice('[object '.length, -1);
  throw new TypeError(
    `An image is a Uint8Array, an ArrayBuffer, a Blob, a URL, base64, or the \`image\` of an answer, not of type ${type}.`,
  );
}

function textOf(source: ImageSource): string {
  return typeof source === 'string' ? source : JSON.stringify(source);
}
