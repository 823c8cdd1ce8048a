import { atMost, loadCocoSplit, readApparel, type CocoPhoto, type Split } from '@tessera/evaluation';
import sharp from 'sharp';

type CocoAnnotation = CocoPhoto['annotations'][number];

/** A picture to classify, with what it shows. */
export interface CalibrationPicture {
  readonly image: { readonly id: string; read(): Promise<Uint8Array> };
  /** Of a garment its colour; not known of other objects. */
  readonly colour: string | undefined;
  readonly object: string;
  /** Everything that the photo shows, as far as it is annotated. */
  readonly shown: ReadonlySet<string>;
}

export interface CalibrationPictures {
  /** Product photos of one garment each. */
  readonly garments: readonly CalibrationPicture[];
  /** Objects of COCO's classes, cut out of their photos with some surroundings. */
  readonly objects: readonly CalibrationPicture[];
}

/** Product photos of a pair and set. */
const photosPerPair = 40;
const smallestSide = 40;
/** Of the larger side of an object's box, what is kept around it. */
const surroundings = 0.1;

/**
 * The pictures of one split of the shared data.
 *
 * @throws SharedDataError when the photos are not on this machine
 */
export async function readPictures(split: Split): Promise<CalibrationPictures> {
  const garments = atMost(await readApparel(), photosPerPair)
    .filter(({ set }) => set === split)
    .map(({ image, composition: [colour, object = ''] }) => ({ image, colour, object, shown: new Set([object]) }));
  const coco = await loadCocoSplit(split);
  const objects = coco.photos.flatMap((photo) => {
    const nameOf = ({ category_id: id }: CocoAnnotation): string => coco.categories.get(id)?.name ?? '';
    const things = photo.annotations.filter(({ category_id: id }) => coco.categories.get(id)?.isthing === 1);
    const shown = new Set(things.map(nameOf));
    return things
      .filter(({ iscrowd, bbox: [, , width, height] }) => iscrowd === 0 && Math.min(width, height) >= smallestSide)
      .map((annotation) => ({
        image: {
          id: `coco/${annotation.id}`,
          read: async () => await cutOut(await coco.readPhoto(photo), photo, annotation),
        },
        colour: undefined,
        object: nameOf(annotation),
        shown,
      }));
  });
  return { garments, objects };
}

async function cutOut(bytes: Uint8Array, { width, height }: CocoPhoto, { bbox }: CocoAnnotation): Promise<Uint8Array> {
  const [x, y, boxWidth, boxHeight] = bbox;
  const margin = surroundings * Math.max(boxWidth, boxHeight);
  const left = Math.max(0, Math.floor(x - margin));
  const top = Math.max(0, Math.floor(y - margin));
  const right = Math.min(width, Math.ceil(x + boxWidth + margin));
  const bottom = Math.min(height, Math.ceil(y + boxHeight + margin));
  return await sharp(bytes)
    .extract({ left, top, width: right - left, height: bottom - top })
    .png()
    .toBuffer();
}
