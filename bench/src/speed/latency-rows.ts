import { contextKinds, hasSharedData, loadCocoSplit, loadQuerySet } from '@tessera/evaluation';
import sharp from 'sharp';
import { streetScene } from '../pictures/street-scene.js';
import { encodeForm, type Form } from './service.js';

/** A kind of request that is timed. */
export interface LatencyRow {
  readonly name: string;
  readonly path: '/segment' | '/classify-composition';
  /** Largest side of the picture in pixels. */
  readonly side: number;
  /** Whether the service has never seen the picture. */
  readonly isNew: boolean;
  readonly fieldsFor: (subject: Subject) => Readonly<Record<string, unknown>>;
  /** The most that the median may take on two cores. */
  readonly budgetMs?: number;
}

/** A picture and queries about it, the first of which asks for place, size, order or a relation. */
export interface Subject {
  readonly picture: Uint8Array;
  readonly queries: readonly string[];
}

const small = 640;
const large = 4000;
const mostQueries = 8;
const garments = {
  attributes: ['red', 'green', 'blue', 'black', 'white'],
  objects: ['dress', 'shirt', 'shoes', 'car'],
};

const first = ({ queries: [query = ''] }: Subject) => ({ query });
const classify = () => ({ vocabulary: garments, world: 'open' });
const segment = { path: '/segment', side: small, isNew: true, fieldsFor: first } as const;
const composition = { ...segment, path: '/classify-composition', fieldsFor: classify } as const;

export const latencyRows: readonly LatencyRow[] = [
  { ...segment, name: 'new photo', budgetMs: 1200 },
  { ...segment, name: 'a further question about it', isNew: false, budgetMs: 1200 },
  { ...segment, name: 'refine: false', fieldsFor: (subject) => ({ ...first(subject), refine: false }), budgetMs: 250 },
  {
    ...segment,
    name: 'tessera-baseline',
    fieldsFor: ({ queries }) => ({ query: queries.at(-1), model: 'tessera-baseline' }),
  },
  { ...segment, name: `${mostQueries} queries`, fieldsFor: ({ queries }) => ({ queries }) },
  { ...segment, name: 'new photo, 12 megapixels', side: large },
  { ...segment, name: 'a further question, 12 megapixels', side: large, isNew: false },
  { ...composition, name: 'composition' },
  { ...composition, name: 'composition, 12 megapixels', side: large },
];

/** Val photos of the shared data with queries about them; a drawn street where those are missing. */
export async function loadSubjects(): Promise<Subject[]> {
  if (!hasSharedData('coco')) {
    console.error('The shared COCO photos are not on this machine (SHARED_DATA): a drawn street takes their place.');
    const nouns = ['the stop sign', 'the traffic light', 'the clock'];
    const queries = ['the traffic light to the right of the stop sign', ...nouns, 'the dog', 'the car on the left'];
    return [{ picture: await streetScene(), queries: [...queries, 'the largest clock', 'the clock'] }];
  }
  const coco = await loadCocoSplit('val');
  const subjects: Subject[] = [];
  for (const { photo: id, queries } of await loadQuerySet('val')) {
    const photo = coco.photos.find((candidate) => candidate.id === id);
    const context = queries.filter(({ kind }) => contextKinds.includes(kind));
    const named = queries.filter(({ kind }) => kind === 'class');
    if (photo === undefined || context.length < mostQueries - 1 || named.length === 0) continue;
    const texts = [...context.slice(0, mostQueries - 1), ...named.slice(0, 1)].map(({ text }) => text);
    subjects.push({ picture: await coco.readPhoto(photo), queries: texts });
  }
  return subjects;
}

/** The request of a row; a serial of its own makes a file of its own, with the same pixels. */
export async function requestOf({ side, fieldsFor }: LatencyRow, subject: Subject, serial: string): Promise<Form> {
  const picture = await sharp(subject.picture)
    .resize({ width: side, height: side, fit: 'inside' })
    .withExif({ IFD0: { ImageDescription: serial } })
    .jpeg({ quality: 92 })
    .toBuffer();
  return encodeForm(picture, fieldsFor(subject));
}
