import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUNDLE_SCHEMA, type GraphContract, type PipelineManifest } from '@tessera/contracts';
import sharp from 'sharp';
import { repositoryRoot } from '../support/repository-copy.js';

const graphs = join(repositoryRoot, 'test/chaos/graphs');
/** Of the square that the graphs see. */
const graphSide = 16;
const imageSide = 256;
/** Least red, and green, of an image: its object has an edge of more than a few pixels. */
const leastLevel = 64;
const levels = 128;
const leastBlue = 10;
/** At this blue the detector never ends; see `training/golden/make_chaos_graphs.py`. */
const endlessBlue = 255;

const tokenizer = { type: 'unigram', pieces: [['<unk>', 0]], unknown_id: 0, reserved: 1 };
const classes = [{ name: 'square', descriptions: [] }];

/** The query that the tiny model understands. */
export const tinyQuery = 'the square';

/**
 * Writes a bundle whose graphs take microseconds and whose answers can be predicted, for the pipeline `class-detector`.
 *
 * @param modelsDirectory - `MODELS_DIR` of the services that are to serve it
 */
export async function writeTinyModel(modelsDirectory: string): Promise<void> {
  const directory = join(modelsDirectory, 'tiny');
  await mkdir(directory, { recursive: true });
  const contracts = JSON.parse(await readFile(join(graphs, 'graphs.json'), 'utf8')) as Record<string, GraphContract>;
  const contents = new Map<string, Uint8Array>([
    ['classes.json', Buffer.from(JSON.stringify(classes))],
    ['tokenizer.json', Buffer.from(JSON.stringify(tokenizer))],
  ]);
  for (const name of Object.keys(contracts)) contents.set(`${name}.onnx`, await readFile(join(graphs, `${name}.onnx`)));
  const manifest: PipelineManifest<'class-detector'> = {
    schema: BUNDLE_SCHEMA,
    name: 'tiny',
    version: '1',
    description: 'A model whose answers can be predicted',
    license: 'Apache-2.0',
    built_from: '',
    provenance: [],
    files: {},
    graphs: {},
    task: 'segmentation',
    pipeline: 'class-detector',
    settings: {
      classes: 'classes.json',
      tokenizer: 'tokenizer.json',
      detector_image_size: graphSide,
      encoder_longest_side: graphSide,
      box_overlap_threshold: 0.7,
      maximum_objects: 4,
      maximum_refined_objects: 4,
      region_shape_exponent: 8,
      detection_threshold: 0.5,
      class_score_ratio: 0.5,
      object_score_ratio: 0.5,
      crowd_size: 10,
      similarity_calibration: { bias: 3, weights: [1, 0, 0] },
    },
  };
  for (const [name, content] of contents) {
    await writeFile(join(directory, name), content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    manifest.files[name] = { sha256, bytes: content.byteLength };
  }
  for (const [name, contract] of Object.entries(contracts)) {
    manifest.graphs[name] = { file: `${name}.onnx`, ...contract };
  }
  await writeFile(join(directory, 'bundle.json'), JSON.stringify(manifest));
}

/** An image, and what the tiny model answers about it. */
export interface TinyImage {
  readonly png: Buffer;
  /** Its id in the service. */
  readonly id: string;
  /** Of the one object, `[x, y, width, height]` in pixels. */
  readonly bbox: readonly [number, number, number, number];
}

/** An image of one colour; serials up to a million and a half give different images. */
export async function tinyImage(serial: number): Promise<TinyImage> {
  const red = leastLevel + (serial % levels);
  const green = leastLevel + (Math.floor(serial / levels) % levels);
  const blue = leastBlue + (Math.floor(serial / levels ** 2) % 100);
  const png = await onePlainColour(red, green, blue);
  return { png, id: idOf(png), bbox: [0, 0, red + 1, green + 1] };
}

/** An image on which the inference process works until somebody ends it. */
export function poisonImage(serial: number): Promise<Buffer> {
  return onePlainColour(leastLevel + serial, leastLevel, endlessBlue);
}

function onePlainColour(r: number, g: number, b: number): Promise<Buffer> {
  const options = { width: imageSide, height: imageSide, channels: 3, background: { r, g, b } } as const;
  return sharp({ create: options }).png().toBuffer();
}

function idOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
