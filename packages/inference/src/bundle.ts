import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  BUNDLE_SCHEMA,
  BundleManifest,
  type GraphContract,
  type GraphDescription,
  type PipelineManifest,
  type PipelineName,
} from '@tessera/contracts';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { externalDataLocations } from './external-data.js';
import { FileHashes } from './file-hashes.js';
import { graphOn } from './graph-contract.js';

const MANIFEST_FILE = 'bundle.json';
const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;
const REMEDY = 'run "npm run models" to build it again';

/** A model bundle is missing, damaged or not what its manifest says; the message names bundle, file and remedy. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}

/** A model bundle whose files were all checked against the manifest. */
export interface Bundle<Manifest extends BundleManifest = BundleManifest> {
  /** Absolute path of the directory. */
  readonly directory: string;
  readonly manifest: Manifest;
  /**
   * Equal for graphs that compute the same: the SHA-256 of the graph's file, or of that and its external weights.
   *
   * @param provider - `cuda` for the graph that takes its place there
   * @throws BundleError when the manifest has no such graph
   */
  graphHash(graph: string, provider?: 'cuda'): string;
  /**
   * Reads a file that the manifest lists; not one of several gigabytes, which are for ONNX Runtime alone.
   *
   * @throws BundleError when the manifest does not list it or it is gone
   */
  readFile(name: string): Promise<Uint8Array>;
}

/** Whether the bundle is one that `pipeline` runs. */
export function isBundleOf<Pipeline extends PipelineName>(
  bundle: Bundle,
  pipeline: Pipeline,
): bundle is Bundle<PipelineManifest<Pipeline>> {
  return bundle.manifest.pipeline === pipeline;
}

export interface LoadedBundles {
  /** Sorted by name. */
  readonly bundles: readonly Bundle[];
  /** Sub-directories that are no bundles, with the reason. */
  readonly ignored: readonly { readonly directory: string; readonly reason: string }[];
}

/** File in the models directory that remembers the hashes of its large files. */
const HASHES_FILE = '.file-hashes.json';

/**
 * Loads every bundle of a models directory: one sub-directory each. Hidden sub-directories are left alone, since a
 * bundle that is being built lies in one. Hashes of large files are remembered in the models directory.
 *
 * @param dataDirectory - where they are remembered when the models directory cannot be written
 * @throws BundleError when the directory is missing, a bundle is damaged, or two bundles have one name
 */
export async function loadBundles(modelsDirectory: string, dataDirectory?: string): Promise<LoadedBundles> {
  const entries = await readdir(modelsDirectory, { withFileTypes: true }).catch((cause: unknown) => {
    throw new BundleError(`Models directory ${modelsDirectory} cannot be read; run "npm run models" to build it.`, {
      cause,
    });
  });
  const fallback = dataDirectory === undefined ? [] : [path.join(dataDirectory, 'model-hashes.json')];
  const hashes = await FileHashes.open([path.join(modelsDirectory, HASHES_FILE), ...fallback]);
  const bundles = new Map<string, Bundle>();
  const ignored: { directory: string; reason: string }[] = [];
  for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const directory = path.join(modelsDirectory, name);
    const isDirectory = (await statOrNothing(directory))?.isDirectory() ?? false;
    if (!isDirectory) continue;
    if (name.startsWith('.')) {
      ignored.push({ directory, reason: 'its name starts with a dot' });
    } else if ((await statOrNothing(path.join(directory, MANIFEST_FILE))) === undefined) {
      ignored.push({ directory, reason: `it has no ${MANIFEST_FILE}` });
    } else {
      const bundle = await loadBundle(directory, hashes);
      const twin = bundles.get(bundle.manifest.name);
      if (twin !== undefined) {
        throw new BundleError(
          `Bundle "${bundle.manifest.name}" exists twice, in ${twin.directory} and ${bundle.directory}; remove one.`,
        );
      }
      bundles.set(bundle.manifest.name, bundle);
    }
  }
  await hashes.save();
  const sorted = [...bundles.values()].sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1));
  return { bundles: sorted, ignored };
}

/**
 * Loads one bundle: validates `bundle.json`, then checks that every file it lists is there, inside of the directory,
 * and has the stated size and SHA-256, and that graphs have their external weights in listed files.
 *
 * @param hashes - those of earlier starts; by default every file is hashed
 * @throws BundleError
 */
export async function loadBundle(directory: string, hashes?: FileHashes): Promise<Bundle> {
  const root = await realpath(directory).catch((cause: unknown) => {
    throw new BundleError(`Bundle directory ${directory} does not exist; ${REMEDY}.`, { cause });
  });
  const manifest = await readManifest(root);
  const label = `Bundle "${manifest.name}" (${root})`;
  const graphs = graphFiles(manifest);
  for (const { name, description } of graphs) {
    const { file } = description;
    if (!Object.hasOwn(manifest.files, file)) {
      throw new BundleError(`${label}: graph "${name}" is in ${file}, which "files" does not list; ${REMEDY}.`);
    }
    checkBatch(`${label}: graph "${name}"`, description);
  }
  const checked = hashes ?? (await FileHashes.open([]));
  for (const [name, expected] of Object.entries(manifest.files)) {
    await checkFile(label, root, name, expected, checked);
  }
  const graphHashes = new Map<string, string>();
  for (const { name, provider, description } of graphs) {
    const hash = hashOfGraph(`${label}: graph "${name}"`, root, manifest, description.file);
    graphHashes.set(hashKey(name, provider), hash);
  }
  return {
    directory: root,
    manifest,
    graphHash(graph, provider) {
      const hash = graphHashes.get(hashKey(graph, provider));
      if (hash !== undefined) return hash;
      throw new BundleError(`${label} has no graph "${graph}"${provider === undefined ? '' : ` for ${provider}`}.`);
    },
    async readFile(name) {
      if (!Object.hasOwn(manifest.files, name)) {
        throw new BundleError(`${label}: ${name} is not listed in "files" of ${MANIFEST_FILE}.`);
      }
      return await readFile(path.resolve(root, name)).catch((cause: unknown) => {
        throw new BundleError(`${label}: ${name} cannot be read; ${REMEDY}.`, { cause });
      });
    },
  };
}

/** The bundle with the graphs that it has for CUDA in place of the others, on whatever runs it. */
export function bundleOnCuda(bundle: Bundle): Bundle {
  const { manifest } = bundle;
  const graphs = Object.entries(manifest.graphs).map(([name, graph]) => [name, graphOn('cuda', graph)] as const);
  return {
    ...bundle,
    manifest: { ...manifest, graphs: Object.fromEntries(graphs) },
    graphHash: (graph) => bundle.graphHash(graph, manifest.graphs[graph]?.cuda === undefined ? undefined : 'cuda'),
  };
}

interface ListedGraph {
  readonly name: string;
  readonly provider?: 'cuda';
  readonly description: Omit<GraphDescription, 'cuda'>;
}

/** Every graph of the manifest, those for CUDA included. */
function graphFiles({ graphs }: BundleManifest): ListedGraph[] {
  return Object.entries(graphs).flatMap(([name, { cuda, ...description }]): ListedGraph[] => [
    { name, description },
    ...(cuda === undefined ? [] : [{ name, provider: 'cuda' as const, description: cuda }]),
  ]);
}

function hashKey(graph: string, provider: 'cuda' | undefined): string {
  return JSON.stringify([graph, provider]);
}

async function readManifest(root: string): Promise<BundleManifest> {
  const file = path.join(root, MANIFEST_FILE);
  const found = await statOrNothing(file);
  if (!found?.isFile()) throw new BundleError(`Bundle ${root} has no file ${MANIFEST_FILE}; ${REMEDY}.`);
  if (found.size > MANIFEST_BYTES_MAX) {
    throw new BundleError(`${file} has ${found.size} bytes; a manifest has at most ${MANIFEST_BYTES_MAX}.`);
  }
  let manifest: unknown;
  try {
    manifest = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new BundleError(`${file} is not readable JSON; ${REMEDY}.`, { cause });
  }
  if (Value.Check(BundleManifest, manifest)) return manifest;
  if (typeof manifest === 'object' && manifest !== null && 'schema' in manifest) {
    const { schema } = manifest;
    if (typeof schema === 'number' && schema !== BUNDLE_SCHEMA) {
      throw new BundleError(`${file} has schema ${schema}, this version reads schema ${BUNDLE_SCHEMA}; ${REMEDY}.`);
    }
  }
  const findings = Value.Errors(manifestSchema(manifest), manifest).map(
    ({ instancePath, message }) => `${instancePath === '' ? 'the manifest' : instancePath} ${message}`,
  );
  throw new BundleError(`${file} is not a bundle manifest: ${[...new Set(findings)].join('; ')}; ${REMEDY}.`);
}

/** The schema that the manifest's pipeline names, so that findings are not those of all pipelines together. */
function manifestSchema(manifest: unknown): TSchema {
  const named = BundleManifest.anyOf.find(({ properties }) => {
    return typeof manifest === 'object' && manifest !== null && 'pipeline' in manifest
      ? properties.pipeline.const === manifest.pipeline
      : false;
  });
  return named ?? BundleManifest;
}

function checkBatch(label: string, { inputs, outputs, batch, padded = [] }: GraphContract): void {
  const [fed, given] = [Object.entries(inputs), Object.entries(outputs)];
  for (const name of padded) {
    const has = ([, { shape }]: (typeof fed)[number]): boolean => shape.includes(name);
    if (batch === undefined || !fed.some(has) || given.some(has)) {
      throw new BundleError(`${label}: "${name}" is not padded in a batch of inputs alone; ${REMEDY}.`);
    }
  }
  if (batch === undefined) return;
  const misplaced = [...fed, ...given].find(([, { shape }]) => shape.lastIndexOf(batch) > 0);
  if (misplaced !== undefined) {
    throw new BundleError(`${label}: the batch dimension "${batch}" is not the first of "${misplaced[0]}"; ${REMEDY}.`);
  }
  const withoutBatch = given.find(([, { shape }]) => shape[0] !== batch);
  if (withoutBatch !== undefined || !fed.some(([, { shape }]) => shape[0] === batch)) {
    const tensor = withoutBatch === undefined ? 'no input' : `not output "${withoutBatch[0]}"`;
    throw new BundleError(`${label}: ${tensor} has the batch dimension "${batch}"; ${REMEDY}.`);
  }
}

async function checkFile(
  label: string,
  root: string,
  name: string,
  expected: { readonly sha256: string; readonly bytes: number },
  hashes: FileHashes,
): Promise<void> {
  const file = path.resolve(root, name);
  if (name === '' || name.includes('\0') || !isInside(root, file)) {
    throw new BundleError(
      `${label}: file name ${JSON.stringify(name)} leads out of the bundle; do not use the bundle.`,
    );
  }
  const target = await realpath(file).catch((cause: unknown) => {
    throw new BundleError(`${label}: ${name} is missing; ${REMEDY}.`, { cause });
  });
  if (!isInside(root, target)) {
    throw new BundleError(`${label}: ${name} is a link to ${target}, out of the bundle; copy the file instead.`);
  }
  const found = await stat(target);
  if (!found.isFile()) throw new BundleError(`${label}: ${name} is not a file; ${REMEDY}.`);
  if (found.size !== expected.bytes) {
    throw new BundleError(`${label}: ${name} has ${found.size} bytes instead of ${expected.bytes}; ${REMEDY}.`);
  }
  const sha256 = await hashes.sha256(target, expected.sha256);
  if (sha256 !== expected.sha256) {
    throw new BundleError(`${label}: ${name} has sha256 ${sha256} instead of ${expected.sha256}; ${REMEDY}.`);
  }
}

/** Weights outside of a graph's file have to be in files whose hashes were checked, or anything could be run. */
function hashOfGraph(label: string, root: string, { files }: BundleManifest, file: string): string {
  let locations: string[];
  try {
    locations = externalDataLocations(path.resolve(root, file));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BundleError(`${label}: ${file} is not an ONNX file: ${reason}; ${REMEDY}.`, { cause });
  }
  const hash = createHash('sha256').update(files[file]?.sha256 ?? '');
  for (const location of locations.sort()) {
    const name = path.posix.join(path.posix.dirname(file), location);
    if (path.posix.isAbsolute(location) || !isInside(root, path.resolve(root, name))) {
      throw new BundleError(
        `${label}: weights in ${JSON.stringify(location)} are outside of the bundle; do not use the bundle.`,
      );
    }
    const listed = Object.hasOwn(files, name) ? files[name] : undefined;
    if (listed === undefined) {
      throw new BundleError(
        `${label}: weights are in ${JSON.stringify(location)}, which "files" does not list; ${REMEDY}.`,
      );
    }
    hash.update(`${location}\0${listed.sha256}\0`);
  }
  return locations.length === 0 ? (files[file]?.sha256 ?? '') : hash.digest('hex');
}

function isInside(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return relative !== '' && relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

async function statOrNothing(file: string) {
  return await stat(file).catch(() => undefined);
}
