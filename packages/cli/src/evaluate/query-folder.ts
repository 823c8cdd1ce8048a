import { join } from 'node:path';
import { createMask } from '@tessera/masks';
import { parse } from 'csv-parse/sync';
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { UsageError } from '../command-errors.js';
import { readMaskPicture } from './mask-picture.js';
import { isFile, readJson, readText } from './read-data.js';
import type { LabelledQuery, SegmentationSet } from './segmentation-set.js';

const Row = Type.Object({
  image: Type.String({ minLength: 1 }),
  query: Type.String({ minLength: 1 }),
  mask: Type.Optional(Type.String()),
});
const Rows = Type.Array(Row, { minItems: 1 });
type Row = Static<typeof Row>;

/** Pictures and masks of one's own: a row for each query; one without a mask asks for what is not there. */
export const queryFolder: SegmentationSet = {
  layout:
    '<root>/queries.json, a list of {"image", "query", "mask"}, or queries.csv with these columns; pictures in <root>/images/, masks as PNG, black outside, in <root>/masks/',
  defaultSplit: undefined,
  async open({ root, images: directory = join(root, 'images') }) {
    const byImage = new Map<string, LabelledQuery[]>();
    for (const { image, query, mask = '' } of await readRows(root)) {
      const queries = byImage.get(image) ?? [];
      queries.push({
        text: query,
        target: (height, width) =>
          mask === '' ? createMask(height, width) : readMaskPicture(join(root, 'masks', mask), height, width),
      });
      byImage.set(image, queries);
    }
    return [...byImage].map(([image, queries]) => ({ image: join(directory, image), queries }));
  },
};

async function readRows(root: string): Promise<Row[]> {
  const [json, csv] = [join(root, 'queries.json'), join(root, 'queries.csv')];
  if (await isFile(json)) return await readJson(json, Rows);
  if (!(await isFile(csv))) throw new UsageError(`${root} has neither queries.json nor queries.csv.`);
  const text = await readText(csv);
  try {
    const rows: unknown = parse(text, {
      bom: true,
      columns: true,
      record_delimiter: ['\r\n', '\n'],
      skip_empty_lines: true,
    });
    if (Value.Check(Rows, rows)) return rows;
  } catch (error) {
    throw new UsageError(`${csv} is not a table of comma-separated values: ${(error as Error).message}.`);
  }
  throw new UsageError(`${csv} has no rows with the columns image, query and mask.`);
}
