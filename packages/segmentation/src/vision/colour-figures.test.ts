import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { defaultImageLimits } from '@tessera/images';
import { decodeForModels } from '@tessera/images/decoding';
import Type from 'typebox';
import { Value } from 'typebox/value';
import type { Box } from './box.js';
import { colourNames, type ColourName } from './colour-names.js';
import { askedColourProbability, colourProbability } from './colour-probability.js';
import { colourPlaces, ImageColours, type ColourPlace } from './colours.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const skip = existsSync(`${sharedData}/coco`)
  ? false
  : `there are no photos in ${sharedData}/coco; set SHARED_DATA to the shared data`;

/** Colour words of annotated objects, by annotation id; those with a question mark are neither right nor wrong. */
const Words = Type.Record(Type.String(), Type.Partial(Type.Record(Type.Enum([...colourPlaces]), Type.String())));
const Fixture = Type.Object({ train: Words, val: Words });

/** As COCO annotates: `bbox` is `[x, y, width, height]` in pixels. */
interface Instances {
  readonly images: readonly {
    readonly id: number;
    readonly file_name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly annotations: readonly {
    readonly id: number;
    readonly image_id: number;
    readonly category_id: number;
    readonly bbox: readonly [number, number, number, number];
  }[];
}

/** Whether an object's part is called by a colour. */
interface Judgement {
  /** Of the photo, and the object's class in it. */
  readonly group: string;
  readonly place: ColourPlace;
  readonly colour: ColourName;
  readonly probability: number;
  readonly isCalled: boolean;
}

/** Judges each word of the fixture that is right or wrong. */
async function judge(split: 'train' | 'val'): Promise<Judgement[]> {
  const readJson = async (path: string | URL): Promise<unknown> => JSON.parse(await readFile(path, 'utf8')) as unknown;
  const fixture = Value.Parse(
    Fixture,
    Value.Clean(Fixture, await readJson(new URL('../../test-vectors/colours.json', import.meta.url))),
  );
  const instances = await readJson(`${sharedData}/coco/instances_${split}2017.json`);
  const { images, annotations } = instances as Instances;
  const judgements: Judgement[] = [];
  for (const { id, file_name: file, width, height } of images) {
    const objects = annotations.filter((annotation) => annotation.image_id === id);
    if (!objects.some((object) => String(object.id) in fixture[split])) continue;
    const decoded = await decodeForModels(await readFile(`${sharedData}/coco/${split}2017/${file}`), {
      targets: [{ width: 512, height: 512, fit: 'fill' }],
      limits: defaultImageLimits,
    });
    const [square] = decoded.images;
    assert.ok(square);
    const colours = new ImageColours(square, width / height);
    for (const { id: objectId, category_id: category, bbox } of objects) {
      const group = `${String(id)} ${String(category)}`;
      const [x, y, boxWidth, boxHeight] = bbox;
      const box: Box = [x / width, y / height, (x + boxWidth) / width, (y + boxHeight) / height];
      const shares = colours.shares(box);
      const words = fixture[split][String(objectId)] ?? {};
      for (const place of colourPlaces) {
        const said = words[place]?.split(' ');
        if (said === undefined) continue;
        for (const colour of colourNames) {
          if (said.includes(`${colour}?`)) continue;
          const probability = colourProbability(shares, [{ place, colour }]);
          judgements.push({ group, place, colour, probability, isCalled: said.includes(colour) });
        }
      }
    }
  }
  return judgements;
}

function figures(judgements: readonly Judgement[]): { precision: number; recall: number; called: number } {
  const found = judgements.filter(({ probability }) => probability >= 0.5);
  const called = judgements.filter(({ isCalled }) => isCalled).length;
  const right = found.filter(({ isCalled }) => isCalled).length;
  return { precision: right / found.length, recall: right / called, called };
}

/** Of queries for a colour of a class, with such an object in the photo or without: the share that is answered. */
function answered(judgements: readonly Judgement[]): { there: number; absent: number } {
  const queries = new Map<string, { isThere: boolean; best: number }>();
  for (const { group, place, colour, probability, isCalled } of judgements) {
    const key = [group, place, colour].join(' ');
    const { isThere, best } = queries.get(key) ?? { isThere: false, best: 0 };
    queries.set(key, { isThere: isThere || isCalled, best: Math.max(best, probability) });
  }
  const share = (isThere: boolean): number => {
    const own = [...queries.values()].filter((query) => query.isThere === isThere);
    return own.filter(({ best }) => askedColourProbability(best) >= 0.5).length / own.length;
  };
  return { there: share(true), absent: share(false) };
}

describe('the colours of hand-checked objects', { skip }, () => {
  let judgements: Judgement[];
  let basic: Judgement[];

  before(async () => {
    // The constants are fitted to the train photos of the fixture. Too few objects are surely dark or light for a floor.
    judgements = await judge('val');
    basic = judgements.filter(({ colour }) => colour !== 'dark' && colour !== 'light');
  });

  it('are called as people call them', (context) => {
    const report = (name: string, chosen: readonly Judgement[]): void => {
      const { precision, recall, called } = figures(chosen);
      const numbers = `precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)} of ${String(called)}`;
      context.diagnostic(`${name}: ${numbers}`);
    };
    for (const name of colourPlaces) {
      const ofPlace = basic.filter(({ place }) => place === name);
      report(name, ofPlace);
    }
    for (const name of colourNames) {
      const ofColour = judgements.filter(({ colour }) => colour === name);
      report(name, ofColour);
    }
    report('all', basic);
    const { precision, recall } = figures(basic);
    assert.ok(precision >= 0.8, `precision ${String(precision)}`);
    assert.ok(recall >= 0.8, `recall ${String(recall)}`);
  });

  it('are found when a query asks for them, and hardly ever where no object has them', (context) => {
    const { there, absent } = answered(basic);
    context.diagnostic(`answered: ${there.toFixed(2)} of colours that are there, ${absent.toFixed(2)} of others`);
    assert.ok(there >= 0.9, `there ${String(there)}`);
    assert.ok(absent <= 0.1, `absent ${String(absent)}`);
  });
});
