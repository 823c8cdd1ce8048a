import type { ClassifyCompositionRequest, SegmentRequest } from '@tessera/client';

/** A photo as a request carries it: by the id that the service gave it, or as the file. */
export interface SentPhoto {
  readonly fileName: string;
  readonly file: Blob;
  /** Once the service has seen the photo. */
  readonly id?: string | undefined;
}

export type SegmentQuestion = Omit<SegmentRequest, 'image'>;
export type ClassifyQuestion = Omit<ClassifyCompositionRequest, 'image' | 'images'>;

/** A request about one photo, without the photo. */
export type Question =
  | { readonly path: 'segment'; readonly body: SegmentQuestion }
  | { readonly path: 'classify-composition'; readonly body: ClassifyQuestion };

/** Fields of `POST /segment` that a form takes by their names; the others go into `options`. */
const ownFields = ['query', 'queries', 'prompts'];

/** The fields of a form for a question, as text. */
export function formFields({ path, body }: Question): (readonly [name: string, value: string])[] {
  const fields = Object.entries(body as Readonly<Record<string, unknown>>).filter(([, value]) => value !== undefined);
  const isOwn = ([name]: readonly [string, unknown]) => path !== 'segment' || ownFields.includes(name);
  const options = fields.filter((field) => !isOwn(field));
  return [
    ...fields
      .filter(isOwn)
      .flatMap(([name, value]) =>
        (name === 'queries' ? (value as string[]) : [value]).map((one) => [name, asText(one)] as const),
      ),
    ...(options.length === 0 ? [] : [['options', JSON.stringify(Object.fromEntries(options))] as const]),
  ];
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
